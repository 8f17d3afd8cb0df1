import { expect, test } from 'vitest';
import {
  type GroupAction,
  type GroupInput,
  type GroupPhase,
  type Situation,
  stepGroup,
} from './group-machine.ts';

const usual: Situation = {
  designation: 'primary',
  owner: 'other',
  leaseHeld: true,
  alone: false,
  mayHand: false,
  contested: false,
};
const look = (situation: Partial<Situation> = {}): GroupInput => ({ type: 'look', ...usual, ...situation });
const free = look({ owner: 'free' });

const table: [why: string, GroupPhase, GroupInput, GroupPhase, GroupAction[]][] = [
  ['a pod that is to keep a copy reads', 'away', look({ designation: 'secondary' }), 'following', ['follow']],
  ['others do not', 'away', look({ designation: 'none' }), 'away', []],
  [
    'but for whom the stream names',
    'away',
    look({ designation: 'none', owner: 'self' }),
    'following',
    ['follow'],
  ],
  ['nothing is taken before all of it was read', 'following', free, 'following', []],
  ['all was read', 'following', { type: 'whole' }, 'warm', []],
  [
    'who is not to keep it any more forgets',
    'following',
    look({ designation: 'none' }),
    'away',
    ['unfollow'],
  ],
  ['so it is with a whole copy', 'warm', look({ designation: 'none' }), 'away', ['unfollow']],
  ['what nobody serves is taken by the primary', 'warm', free, 'taking', ['take']],
  ['and by no other', 'warm', look({ owner: 'free', designation: 'secondary' }), 'warm', []],
  ['not without a lease', 'warm', look({ owner: 'free', leaseHeld: false }), 'warm', []],
  ['what another serves is waited for', 'warm', look(), 'warm', []],
  [
    'who is named by the last owner goes on',
    'warm',
    look({ owner: 'self' }),
    'serving',
    ['adopt', 'tell taken'],
  ],
  ['not without a lease either', 'warm', look({ owner: 'self', leaseHeld: false }), 'warm', []],
  ['the claim stands', 'taking', { type: 'taken' }, 'serving', ['tell taken']],
  ['another was faster', 'taking', { type: 'lost' }, 'warm', []],
  ['NATS gave no answer', 'taking', { type: 'failed' }, 'warm', []],
  ['nothing else disturbs a claim under way', 'taking', look({ leaseHeld: false }), 'taking', []],
  ['an owner serves', 'serving', look(), 'serving', []],
  [
    'an owner who is not designated waits for a warm successor',
    'serving',
    look({ designation: 'secondary' }),
    'serving',
    [],
  ],
  ['and then hands over', 'serving', look({ designation: 'secondary', mayHand: true }), 'handing', ['hand']],
  [
    'so it does when it is to leave',
    'serving',
    look({ designation: 'none', mayHand: true }),
    'handing',
    ['hand'],
  ],
  ['the designated one hands to nobody', 'serving', look({ mayHand: true }), 'serving', []],
  [
    'an owner asks when another says that it is',
    'serving',
    look({ contested: true }),
    'regaining',
    ['retake'],
  ],
  ['without a lease it serves nobody', 'serving', look({ leaseHeld: false }), 'lapsed', ['suspend']],
  ['but alone it serves what it knows', 'serving', look({ leaseHeld: false, alone: true }), 'serving', []],
  ['and asks when NATS is back', 'serving', { type: 'leased' }, 'regaining', ['retake']],
  ['a renewed claim changes nothing', 'serving', { type: 'taken' }, 'serving', []],
  [
    'a claim that is another’s ends it',
    'serving',
    { type: 'lost' },
    'following',
    ['tell released', 'reread'],
  ],
  ['the lease is held again', 'lapsed', { type: 'leased' }, 'regaining', ['retake']],
  ['which may be seen by looking', 'lapsed', look(), 'regaining', ['retake']],
  ['until then nothing happens', 'lapsed', look({ leaseHeld: false }), 'lapsed', []],
  ['nobody else has taken it: nobody need be told', 'regaining', { type: 'taken' }, 'serving', []],
  ['the lease has lapsed again, and is held', 'regaining', { type: 'leased' }, 'regaining', ['retake']],
  ['somebody has', 'regaining', { type: 'lost' }, 'following', ['tell released', 'reread']],
  [
    'alone again, and NATS away',
    'regaining',
    look({ leaseHeld: false, alone: true }),
    'serving',
    ['suspend'],
  ],
  ['the next owner is named', 'handing', { type: 'handed' }, 'following', ['tell released', 'follow']],
  ['or cannot be', 'handing', { type: 'failed' }, 'regaining', ['retake']],
  ['somebody took it meanwhile', 'handing', { type: 'lost' }, 'following', ['tell released', 'reread']],
  ['the lease lapsed meanwhile', 'handing', look({ leaseHeld: false }), 'lapsed', ['suspend']],
  ['a group that is being handed over is left in peace', 'handing', look(), 'handing', []],
];

test.each(table)('%s', (_, phase, input, next, actions) => {
  expect(stepGroup(phase, input)).toEqual([next, actions]);
});

test('listeners are told taken and released by turns, whatever happens', () => {
  const inputs: GroupInput[] = [
    ...(['whole', 'leased', 'taken', 'lost', 'failed', 'handed'] as const).map((type) => ({ type })),
    ...(['primary', 'secondary', 'none'] as const).flatMap((designation) =>
      (['self', 'other', 'free'] as const).flatMap((owner) =>
        [true, false].flatMap((leaseHeld) =>
          [true, false].map((alone) =>
            look({ designation, owner, leaseHeld, alone, mayHand: true, contested: alone }),
          ),
        ),
      ),
    ),
  ];
  const seen = new Set<string>();
  const toDo: [GroupPhase, boolean][] = [['away', false]];
  for (let next = toDo.pop(); next; next = toDo.pop()) {
    const [phase, isTold] = next;
    if (seen.has(`${phase} ${isTold}`)) continue;
    seen.add(`${phase} ${isTold}`);
    for (const input of inputs) {
      const [after, actions] = stepGroup(phase, input);
      const told = actions.filter((action) => action.startsWith('tell'));
      expect(told).toEqual(told.length === 0 ? [] : [isTold ? 'tell released' : 'tell taken']);
      toDo.push([after, told.length === 0 ? isTold : !isTold]);
    }
  }
  // Each phase always means the same to those who are told.
  expect(seen.size).toBe(8);
});
