// How many pods a release asks for, also where an autoscaler has changed it since.
import { describe, expect, it } from 'vitest';
import { find, type Manifest, NAMESPACE, render, renderWhere, set } from './helm.ts';

const SCALED = set(
  'edge.autoscaling.enabled=true',
  'edge.autoscaling.minReplicas=3',
  'edge.autoscaling.maxReplicas=9',
  'edge.replicas=1',
);
/** What is in the cluster, of this manifest or of a release before; others have changed the number since. */
const edges = (replicas: number, { metadata }: Manifest = BEFORE): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'uc-edge', namespace: NAMESPACE, annotations: metadata.annotations },
  spec: { replicas },
});
const BEFORE: Manifest = { apiVersion: '', kind: '', metadata: { name: '' } };
const autoscaler = (desiredReplicas: number): Manifest => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'uc-edge', namespace: NAMESPACE },
  status: { desiredReplicas },
});
const statefulSet = (manifests: Manifest[], role = 'edge'): Manifest =>
  find(manifests, 'StatefulSet', `uc-${role}`);
const replicas = (manifests: Manifest[], role = 'edge'): number | undefined =>
  statefulSet(manifests, role).spec.replicas;
const NONE = undefined;

describe('the number of pods', () => {
  it('is that of the values, whatever there is', async () => {
    expect(replicas(render(set('edge.replicas=5')))).toBe(5);
    expect(replicas(render(set('edge.replicas=0')))).toBe(0);
    expect(replicas(await renderWhere([edges(4)], set('edge.replicas=5')))).toBe(5);
  });

  it("is the autoscaler's own matter where it is there from the beginning", async () => {
    const installed = await renderWhere([], SCALED);
    expect(replicas(installed)).toBe(NONE);
    expect(find(installed, 'HorizontalPodAutoscaler', 'uc-edge').spec).toMatchObject({
      scaleTargetRef: { name: 'uc-edge' },
      minReplicas: 3,
      maxReplicas: 9,
    });
    const upgraded = await renderWhere([edges(7, statefulSet(installed)), autoscaler(7)], SCALED);
    expect(replicas(upgraded)).toBe(NONE);
    const again = await renderWhere([edges(5, statefulSet(upgraded)), autoscaler(5)], SCALED);
    expect(replicas(again)).toBe(NONE);
    expect(replicas(again, 'director')).toBe(2);
  });

  it.each([
    ['stays what it was', 7, 7],
    ['is no less than its least', 2, 3],
    ['is no more than its most', 12, 9],
    ['is its least where somebody has stopped them all', 0, 3],
  ])('%s when it is switched on, and is there from then on', async (_, present, wanted) => {
    const fixed = statefulSet(render(set('edge.replicas=5')));
    const on = await renderWhere([edges(present, fixed)], SCALED);
    expect(replicas(on)).toBe(wanted);
    // To leave it out of the next one would take it away.
    const later = await renderWhere([edges(present, statefulSet(on)), autoscaler(present)], SCALED);
    expect(replicas(later)).toBe(wanted);
  });

  it('is that of the values when it is switched off, and is there when it is switched on again', async () => {
    const installed = statefulSet(await renderWhere([], SCALED));
    const off = await renderWhere([edges(7, installed), autoscaler(7)], set('edge.replicas=5'));
    expect(replicas(off)).toBe(5);
    expect(replicas(await renderWhere([edges(6, statefulSet(off))], SCALED))).toBe(6);
  });

  it('is that of the pods where their StatefulSet was deleted without them', async () => {
    expect(replicas(await renderWhere([autoscaler(7)], SCALED))).toBe(7);
  });
});
