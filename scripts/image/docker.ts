import { spawnSync } from 'node:child_process';

/** Quiet unless it fails: the classic builder warns each time that it is not BuildKit, which nothing here needs. */
export function dockerBuild(args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('docker', ['build', '--quiet', ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    env: { ...process.env, DOCKER_BUILDKIT: process.env.DOCKER_BUILDKIT ?? '0' },
  });
  if (error) throw new Error(`docker cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`docker build failed (exit code ${status}):\n${stderr}`);
}
