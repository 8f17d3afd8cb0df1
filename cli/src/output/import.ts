import type { ImportReport } from '../commands/import.ts';
import { harmless } from './harmless.ts';
import { table } from './table.ts';

export function importText({ rooms, ignored }: ImportReport): string {
  const rows = rooms.map(({ name, disabled, managers, members, unknown, result }) => [
    name,
    disabled ? 'disabled' : 'enabled',
    ...[managers, members, unknown].map(String),
    result,
  ]);
  const text = table(['ROOM', 'STATE', 'MANAGERS', 'MEMBERS', 'UNKNOWN', 'RESULT'], rows);
  if (ignored.length === 0) return text;
  return `${text}\n\nnot imported, as their form is not public: ${ignored.map(harmless).join(', ')}`;
}
