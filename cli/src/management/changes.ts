import { type Change, Change_Action } from '@linchpin/proto/cms/v1/cms';

export interface ChangeOptions {
  /** Only for users. */
  password?: string | undefined;
  /** Refused when the document has another version by now. */
  expectedVersion?: number | undefined;
}

type Spec = Record<string, unknown>;

const change = (
  action: Change['action'],
  kind: string,
  name: string,
  spec: Spec,
  options: ChangeOptions,
): Change => ({
  action,
  document: { kind, name, version: 0, spec: JSON.stringify(spec) },
  password: options.password ?? '',
  expectedVersion: options.expectedVersion ?? 0,
});

export const create = (kind: string, name: string, spec: Spec, options: ChangeOptions = {}): Change =>
  change(Change_Action.CREATE, kind, name, spec, options);

/** Creates or replaces. */
export const apply = (kind: string, name: string, spec: Spec, options: ChangeOptions = {}): Change =>
  change(Change_Action.APPLY, kind, name, spec, options);

export const remove = (kind: string, name: string): Change =>
  change(Change_Action.DELETE, kind, name, {}, {});
