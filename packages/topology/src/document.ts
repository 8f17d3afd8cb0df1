// Configuration is a set of documents. Each is known by its kind and name and has one content, its spec.
import type {
  AccessEdgeConfigurationSpec,
  ExternalAccessPolicySpec,
  PresencePolicySpec,
  RegistrarConfigurationSpec,
} from './kinds/configurations.ts';
import type { CredentialSpec } from './kinds/credential.ts';
import type {
  GroupSpec,
  PersistentChatConfigurationSpec,
  PersistentChatPolicySpec,
} from './kinds/persistent-chat.ts';
import type { TopologySpec } from './kinds/topology.ts';
import type { UserSpec } from './kinds/user.ts';

export interface Specs {
  Topology: TopologySpec;
  User: UserSpec;
  RegistrarConfiguration: RegistrarConfigurationSpec;
  PresencePolicy: PresencePolicySpec;
  ExternalAccessPolicy: ExternalAccessPolicySpec;
  AccessEdgeConfiguration: AccessEdgeConfigurationSpec;
  PersistentChatPolicy: PersistentChatPolicySpec;
  PersistentChatConfiguration: PersistentChatConfigurationSpec;
  Group: GroupSpec;
  Credential: CredentialSpec;
}

export type Kind = keyof Specs;

export interface Document<K extends Kind = Kind> {
  readonly kind: K;
  readonly name: string;
  /** The version of the whole configuration in which this document last changed. */
  readonly version: number;
  readonly spec: Specs[K];
}

/** One document that a new version created (`before` is undefined), changed, or deleted (`after` is undefined). */
export interface DocumentChange<K extends Kind = Kind> {
  readonly kind: K;
  readonly name: string;
  readonly before: Document<K> | undefined;
  readonly after: Document<K> | undefined;
}

export interface Problem {
  /** `User/alice@contoso.lab` */
  document: string;
  /** `spec.pools[0].members[1].address`; empty when the document as a whole is meant. */
  path: string;
  message: string;
}

/** The one error of this package. Carries each problem that was found, so that all can be mended at once. */
export class TopologyError extends Error {
  readonly problems: readonly Problem[];

  constructor(message: string, problems: readonly Problem[] = []) {
    super(message);
    this.name = 'TopologyError';
    this.problems = problems;
  }

  static of(problems: readonly Problem[]): TopologyError {
    return new TopologyError(problems.map(describe).join('; '), problems);
  }
}

const describe = ({ document, path, message }: Problem): string =>
  path === '' ? `${document}: ${message}` : `${document}: ${path}: ${message}`;
