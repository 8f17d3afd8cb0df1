import { type ChildProcess, spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../../..');

/** The role under development: started again whenever its code or a package's code changes. */
export interface RoleProcess {
  stop(): Promise<void>;
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // Twice: the second one skips the drain, a developer does not want to wait.
  child.kill('SIGTERM');
  child.kill('SIGTERM');
  const insist = setTimeout(() => child.kill('SIGKILL'), 1000);
  await gone;
  clearTimeout(insist);
}

export function runRoleProcess(role: string, configPath: string, show: (line: string) => void): RoleProcess {
  let child: ChildProcess | undefined;
  let stopping = false;

  function start(): void {
    child = spawn(process.execPath, [join(root, 'services', role, 'src/main.ts'), '--config', configPath], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, LINCHPIN_SUPERVISED: '1' },
    });
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) show(line);
    });
    child.once('exit', (code) => {
      if (!stopping && code !== null && code !== 0)
        show(`${role} ended with code ${code}; it starts again when a file changes`);
    });
  }

  let pending: NodeJS.Timeout | undefined;
  async function restart(path: string): Promise<void> {
    show(`${path} changed: restarting ${role}`);
    await end(child);
    if (!stopping) start();
  }
  const watchers = [join(root, 'services', role, 'src'), join(root, 'packages'), join(root, 'proto')].map(
    (folder) =>
      watch(folder, { recursive: true }, (_, path) => {
        if (
          path === null ||
          !path.endsWith('.ts') ||
          path.includes('node_modules') ||
          path.endsWith('.test.ts')
        )
          return;
        clearTimeout(pending);
        pending = setTimeout(() => void restart(path), 40);
      }),
  );
  start();
  return {
    async stop() {
      stopping = true;
      clearTimeout(pending);
      for (const watcher of watchers) watcher.close();
      await end(child);
    },
  };
}
