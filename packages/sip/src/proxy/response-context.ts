import { SipError } from '../message/error.ts';
import { SipResponse } from '../message/response.ts';
import type { TransactionFailure, TransactionLayer } from '../transaction/transaction.ts';
import type { Flow } from '../transport/flow.ts';
import { aggregateChallenges, bestResponse } from './best-response.ts';
import { Branch } from './branch.ts';
import { outgoingRequest } from './outgoing-request.ts';
import type { Forwarding, Target } from './target.ts';
import { createTargetSet, type TargetSet } from './target-set.ts';

export interface ResponseContextOptions {
  layer: TransactionLayer;
  /** Milliseconds. */
  timerC: number;
  /** A Via branch that was never given before. */
  newBranch(): string;
}

/** What RFC 3261 16.2 calls so: one request, its branches, and what has come back on them. */
export class ResponseContext {
  readonly #forwarding: Forwarding;
  readonly #options: ResponseContextOptions;
  readonly #isInvite: boolean;
  readonly #targets: TargetSet;
  readonly #branches: Branch[] = [];
  readonly #answers: SipResponse[] = [];
  /** No branch is begun any more: the request was accepted, cancelled or refused for all, or it is too late. */
  #stopped = false;
  /** The final response went upstream, or none may go. */
  #settled = false;

  constructor(forwarding: Forwarding, options: ResponseContextOptions) {
    this.#forwarding = forwarding;
    this.#options = options;
    this.#isInvite = forwarding.request.method === 'INVITE';
    this.#targets = createTargetSet(forwarding.request, forwarding.targets);
  }

  start(): void {
    if (this.#isInvite) this.#forwarding.transaction.onCancel(() => this.#cancel());
    this.#settle();
  }

  /** RFC 3261 16.10. */
  #cancel(): void {
    this.#stop();
    this.#settle();
  }

  /** Once every branch has ended: the next group of targets, or the answer. */
  #settle(): void {
    while (!this.#settled && this.#branches.every((branch) => branch.ended)) {
      const group = this.#stopped ? undefined : this.#targets.next();
      if (!group) return this.#answer();
      for (const target of group.targets) this.#try(target, group.maxBreadth);
    }
  }

  #try(target: Target, maxBreadth: number): void {
    const branch = new Branch(target, maxBreadth);
    this.#branches.push(branch);
    const flow = target.flow();
    if (!(flow instanceof Promise)) return this.#send(branch, flow);
    flow.then(
      (found) => this.#sendLater(branch, found),
      () => this.#fail(branch, 'transport'),
    );
  }

  /** The branch may have been given up while the flow was looked up. */
  #sendLater(branch: Branch, flow: Flow | undefined): void {
    if (branch.ended) return;
    this.#send(branch, flow);
    this.#settle();
  }

  #send(branch: Branch, flow: Flow | undefined): void {
    if (!flow) return this.#end(branch, this.#own(430, 'Flow Failed')); // RFC 5626 5.3.1
    if (!isSecureEnough(branch.target, flow)) return this.#end(branch, this.#own(480));
    const copy = this.#copy(branch, flow);
    if (copy instanceof SipError) return this.#end(branch, this.#own(copy.status, copy.reason));
    const handlers = {
      onResponse: (response: SipResponse) => this.#receive(branch, response),
      onError: (kind: TransactionFailure) => this.#fail(branch, kind, flow),
    };
    branch.client = this.#options.layer.request(copy, flow, handlers, this.#options.newBranch());
    if (this.#isInvite) branch.startTimerC(this.#options.timerC, () => this.#timerCFired(branch));
  }

  #copy(branch: Branch, flow: Flow) {
    const { request, recordRoutes } = this.#forwarding;
    const { uri, route = [] } = branch.target;
    try {
      return outgoingRequest(request, {
        uri,
        route,
        recordRoutes: recordRoutes?.(branch.target, flow) ?? [],
        maxBreadth: branch.maxBreadth,
      });
    } catch (error) {
      if (error instanceof SipError) return error;
      throw error;
    }
  }

  #receive(branch: Branch, response: SipResponse): void {
    response.dropFirst('via');
    // Without another Via it is not for those upstream (RFC 3261 16.7 step 3), but the branch has come to its end.
    if (!response.has('via')) return response.status < 200 ? undefined : this.#refuse(branch, this.#own(502));
    if (response.status < 200) this.#proceed(branch, response);
    else if (response.status < 300) this.#accept(branch, response);
    else this.#refuse(branch, response);
  }

  #proceed(branch: Branch, response: SipResponse): void {
    branch.proceeding = true;
    // RFC 3261 16.7 step 5, RFC 4320 4.1.
    if (response.status === 100 || !this.#isInvite) return;
    branch.restartTimerC();
    if (!this.#settled) this.#sendUpstream(response);
  }

  /** RFC 3261 16.7 step 5: each 2xx of an INVITE goes upstream, for each is a call that the caller has to end. */
  #accept(branch: Branch, response: SipResponse): void {
    branch.end();
    if (this.#isInvite && this.#settled) return void this.#sendUpstream(response);
    if (this.#settled) return;
    this.#respond(response);
    this.#stop();
  }

  #refuse(branch: Branch, response: SipResponse, flowFailed?: boolean): void {
    this.#end(branch, response, flowFailed);
    this.#settle();
  }

  /** RFC 3261 16.9 and 16.7 step 6. */
  #fail(branch: Branch, kind: TransactionFailure, flow?: Flow): void {
    // Then those upstream have given up as well: their timer F is as long as ours.
    if (kind === 'timeout' && !this.#isInvite) this.#stopped = true;
    this.#refuse(branch, this.#failure(kind, flow), true);
  }

  #failure(kind: TransactionFailure, flow: Flow | undefined): SipResponse {
    if (kind === 'timeout') return this.#own(408);
    return flow?.closed ? this.#own(430, 'Flow Failed') : this.#own(503); // RFC 5626 5.3.1
  }

  /** RFC 3261 16.8. */
  #timerCFired(branch: Branch): void {
    if (branch.proceeding) branch.client?.cancel();
    else this.#refuse(branch, this.#own(408));
  }

  #end(branch: Branch, response: SipResponse, flowFailed = isFlowFailure(response)): void {
    if (!branch.end()) return;
    // RFC 5626 7.
    const alternative = flowFailed && !this.#stopped && this.#targets.alternative(branch.target);
    if (alternative) return this.#try(alternative, branch.maxBreadth);
    this.#answers.push(response);
    // The answer itself has to wait, since a 2xx may still come (RFC 3261 16.7 step 5).
    if (response.status >= 600) this.#stop();
  }

  /** RFC 3261 16.7 step 10. */
  #stop(): void {
    this.#stopped = true;
    for (const branch of this.#branches) {
      if (branch.ended) continue;
      if (!branch.client) this.#end(branch, this.#own(487));
      else if (this.#isInvite) branch.client.cancel();
    }
  }

  #answer(): void {
    const answers = this.#isInvite ? this.#answers : this.#answers.filter(({ status }) => status !== 408);
    if (answers.length === 0 && this.#answers.length > 0) return this.#giveUp();
    // Without a branch there was a CANCEL before the first, or no target (RFC 3261 16.5).
    const best = bestResponse(answers) ?? this.#own(this.#stopped ? 487 : 480);
    aggregateChallenges(best, answers);
    // A 503 would keep the client from us for all its other requests (RFC 3261 16.7 step 6).
    this.#respond(best.status === 503 ? this.#own(500) : best);
  }

  #respond(response: SipResponse): void {
    this.#settled = true;
    const sent = this.#sendUpstream(response);
    this.#forwarding.onFinal?.(sent);
  }

  /** RFC 3261 16.7 step 9. */
  #sendUpstream(response: SipResponse): SipResponse {
    const { transaction, upstream } = this.#forwarding;
    const last = upstream ? upstream(response, made.has(response)) : response;
    transaction.respond(last);
    return last;
  }

  /** A 408 to non-INVITE comes too late for anyone; the transaction ends on it and sends nothing (RFC 4320 4.2). */
  #giveUp(): void {
    this.#settled = true;
    this.#forwarding.transaction.respond(this.#own(408));
    this.#forwarding.onFinal?.(undefined);
  }

  #own(status: number, reason?: string): SipResponse {
    const response = SipResponse.to(this.#forwarding.transaction.request, status, reason);
    made.add(response);
    return response;
  }
}

/** What a proxy has answered by itself. */
const made = new WeakSet<SipResponse>();

/** The device itself has not answered, and may be reached over another flow (RFC 5626 7). */
function isFlowFailure({ status }: SipResponse): boolean {
  return status === 430 || status === 408;
}

/** RFC 3261 16.6 step 7: to a SIPS URI there is no way but TLS. */
function isSecureEnough(target: Target, flow: Flow): boolean {
  return !/^sips:/i.test(target.uri) || flow.transport === 'tls' || flow.transport === 'wss';
}
