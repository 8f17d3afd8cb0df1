import { createHash } from 'node:crypto';
import type { EffectiveUser } from '@linchpin/topology';
import { type AggregationInput, aggregate } from './aggregation.ts';
import { AVAILABILITY, defaultActivity } from './availability.ts';
import { type AggregateState, aggregationInput, CONTAINER } from './categories.ts';
import { writePidf } from './pidf-writer.ts';

/** How presentities look from each container: rendered once for all who watch from there. */
export interface Portraits {
  state(aor: string): AggregateState;
  /** The same object as before while its bytes are the same. */
  document(aor: string, container: number): Buffer;
  /** Renders again what has been asked for of this presentity. */
  update(aor: string): void;
  /** Forgets what was rendered of these presentities. */
  forget(aors: Iterable<string>): void;
}

export interface PortraitsOptions {
  user(aor: string): Pick<EffectiveUser, 'spec'> | undefined;
  input(aor: string): AggregationInput;
}

const nothing: AggregateState = {
  availability: AVAILABILITY.offline,
  activity: defaultActivity.offline,
  notes: [],
  services: [],
  devices: [],
};

export function createPortraits({ user, input }: PortraitsOptions): Portraits {
  const documents = new Map<string, Map<number, Buffer>>();

  function render(aor: string, container: number): Buffer {
    // Blocked watchers get the bytes that anybody gets of someone who is offline (RFC 3856 6.6.2, polite blocking).
    const blocked = container === CONTAINER.blocked;
    const state = blocked ? nothing : aggregate(input(aor), aggregationInput(container));
    return Buffer.from(writePidf({ aor, displayName: user(aor)?.spec.displayName, container, state }));
  }

  function rendered(aor: string): Map<number, Buffer> {
    const known = documents.get(aor) ?? new Map<number, Buffer>();
    documents.set(aor, known);
    return known;
  }

  return {
    state: (aor) => aggregate(input(aor), CONTAINER.aggregation),
    document(aor, container) {
      const known = rendered(aor);
      const document = known.get(container) ?? render(aor, container);
      known.set(container, document);
      return document;
    },
    update(aor) {
      const known = documents.get(aor);
      for (const [container, before] of known ?? []) {
        const after = render(aor, container);
        if (!after.equals(before)) known?.set(container, after);
      }
    },
    forget(aors) {
      for (const aor of aors) documents.delete(aor);
    },
  };
}

/** Equal for states that look the same to every watcher; undefined for a presentity that is offline and says nothing. */
export function markOf(input: AggregationInput): string | undefined {
  const states = [CONTAINER.aggregation, CONTAINER.workgroupAggregation].map((container) =>
    aggregate(input, container),
  );
  const text = JSON.stringify(states);
  return text === silence ? undefined : createHash('sha256').update(text).digest('base64url').slice(0, 16);
}

const silence = JSON.stringify([nothing, nothing]);
