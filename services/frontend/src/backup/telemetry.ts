import { Counter, Gauge, type Registry } from 'prom-client';

export interface BackupSizes {
  changes(): number;
  ageSeconds(): number;
}

/** Every metric that the backup emits. The sizes are asked for when metrics are read. */
export function createBackupTelemetry(registry: Registry, sizes: BackupSizes) {
  const registers = [registry];
  gauge('linchpin_backup_lag_changes', 'Changes of user state that are not in PostgreSQL yet', sizes.changes);
  gauge(
    'linchpin_backup_age_seconds',
    'Age of the oldest change that is not in PostgreSQL',
    sizes.ageSeconds,
  );
  const writes = new Counter({
    name: 'linchpin_backup_writes_total',
    help: 'Keys written to PostgreSQL, deletions included, and attempts that failed',
    labelNames: ['outcome'],
    registers,
  });
  const [stored, failed] = [writes.labels('stored'), writes.labels('failed')];

  function gauge(name: string, help: string, size: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(size());
      },
    });
  }

  return { written: (changes: number) => stored.inc(changes), failed: () => failed.inc() };
}
