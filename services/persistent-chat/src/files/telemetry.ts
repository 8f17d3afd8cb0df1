import { Counter, type Registry } from 'prom-client';

/** Every metric of the files of rooms. */
export function createFilesTelemetry(registry: Registry) {
  const registers = [registry];
  return {
    uploads: new Counter({
      name: 'linchpin_chat_file_uploads_total',
      help: 'Uploads, by what became of them: stored, or the code of the error',
      labelNames: ['result'],
      registers,
    }),
    bytes: new Counter({
      name: 'linchpin_chat_file_bytes_total',
      help: 'Bytes of files that were stored (in) and begun to be read (out)',
      labelNames: ['direction'],
      registers,
    }),
    removed: new Counter({
      name: 'linchpin_chat_file_contents_removed_total',
      help: 'Contents that nothing referred to any more',
      registers,
    }),
  };
}

export type FilesTelemetry = ReturnType<typeof createFilesTelemetry>;
