import type { Fired, Machine, TimerName, TimerSlot } from './machine.ts';
import { slotOf } from './machine.ts';
import type { RunningTimer, TimerOwner, TimerQueues } from './timer-queues.ts';

/** Carries out what a machine wants; the kinds of transactions say what their verbs mean. */
export abstract class RunningMachine<State extends string, Input, Verb extends string> implements TimerOwner {
  state: State | 'terminated';
  readonly #machine: Machine<State, Input | Fired, Verb>;
  readonly #timers: TimerQueues;
  #repeat: RunningTimer | undefined;
  #life: RunningTimer | undefined;

  constructor(machine: Machine<State, Input | Fired, Verb>, timers: TimerQueues) {
    this.#machine = machine;
    this.#timers = timers;
    this.#repeat = undefined;
    this.#life = undefined;
    this.state = machine.start[0];
  }

  protected abstract perform(verb: Verb): void;
  /** Called before the last actions, so that whoever hears of them finds the transaction gone. */
  protected abstract terminated(): void;

  /** Carries out the actions of the first state. */
  begin(): void {
    this.#carryOut(this.#machine.start[1]);
  }

  apply(input: Input | Fired): void {
    if (this.state === 'terminated') return;
    const [next, actions] = this.#machine.step(this.state, input);
    this.state = next;
    if (next === 'terminated') this.#end();
    this.#carryOut(actions);
  }

  fired(timer: Fired): void {
    this.apply(timer);
  }

  #carryOut(actions: Machine<State, Input | Fired, Verb>['start'][1]): void {
    for (const action of actions) {
      if (typeof action === 'string') this.perform(action);
      else if ('start' in action) this.#start(action.start, action.after);
      else this.stop(action.stop);
    }
  }

  #start(name: TimerName, after: number): void {
    const slot = slotOf(name);
    this.stop(slot);
    const timer = this.#timers.start(this, name, after);
    if (slot === 'repeat') this.#repeat = timer;
    else this.#life = timer;
  }

  protected stop(slot: TimerSlot): void {
    const timer = slot === 'repeat' ? this.#repeat : this.#life;
    if (timer === undefined) return;
    this.#timers.stop(timer);
    if (slot === 'repeat') this.#repeat = undefined;
    else this.#life = undefined;
  }

  #end(): void {
    this.stop('repeat');
    this.stop('life');
    this.terminated();
  }
}
