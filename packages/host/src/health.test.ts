import { expect, test } from 'vitest';
import { createHealth } from './health.ts';

test('a role is starting, ready, draining', () => {
  const health = createHealth();
  expect(health).toMatchObject({ live: true, started: false, ready: false, state: 'starting' });
  health.enter('running');
  expect(health).toMatchObject({ started: true, ready: true, state: 'ready' });
  health.enter('draining');
  expect(health).toMatchObject({ live: true, started: true, ready: false, state: 'draining' });
});

test('a failing check shows why, and takes readiness only where it is told to', () => {
  const health = createHealth();
  health.enter('running');
  health.set('nats', false, 'not connected');
  expect(health).toMatchObject({ ready: true, state: 'degraded: nats: not connected' });
  health.set('state', false, 'not loaded', 'not-ready');
  expect(health).toMatchObject({
    ready: false,
    state: 'degraded: nats: not connected; state: not loaded',
  });
  health.set('nats', true);
  health.set('state', true);
  expect(health).toMatchObject({ ready: true, state: 'ready' });
});

test('listeners hear changes of readiness only', () => {
  const health = createHealth();
  const heard: boolean[] = [];
  const forget = health.onReady((ready) => heard.push(ready));
  health.enter('running');
  health.set('nats', false);
  health.enter('draining');
  forget();
  health.enter('running');
  expect(heard).toEqual([true, false]);
});
