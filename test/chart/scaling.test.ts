// How many pods a release asks for, also where an autoscaler has changed it since.
import { describe, expect, it } from 'vitest';
import { find, type Manifest, NAMESPACE, render, renderWhere, set } from './helm.ts';

const SCALED = set(
  'edge.autoscaling.enabled=true',
  'edge.autoscaling.minReplicas=3',
  'edge.autoscaling.maxReplicas=9',
  'edge.replicas=1',
);
const edges = (replicas: number): Manifest => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'uc-edge', namespace: NAMESPACE },
  spec: { replicas },
});
const replicas = (manifests: Manifest[], role = 'edge'): number =>
  find(manifests, 'StatefulSet', `uc-${role}`).spec.replicas;

describe('the number of pods', () => {
  it('is that of the values, whatever there is', async () => {
    expect(replicas(render(set('edge.replicas=5')))).toBe(5);
    expect(replicas(await renderWhere([edges(4)], set('edge.replicas=5')))).toBe(5);
  });

  it('begins with the least of the autoscaler', () => {
    const manifests = render(SCALED);
    expect(replicas(manifests)).toBe(3);
    expect(find(manifests, 'HorizontalPodAutoscaler', 'uc-edge').spec).toMatchObject({
      scaleTargetRef: { name: 'uc-edge' },
      minReplicas: 3,
      maxReplicas: 9,
    });
  });

  it.each([
    ['stays what the autoscaler made it', 7, 7],
    ['is no less than its least, when it is switched on', 2, 3],
    ['is no more than its most', 12, 9],
    ['is its least again where somebody has stopped them all', 0, 3],
  ])('%s', async (_, present, wanted) => {
    const manifests = await renderWhere([edges(present)], SCALED);
    expect(replicas(manifests)).toBe(wanted);
    expect(replicas(manifests, 'director')).toBe(2);
  });
});
