import { CliError, EXIT } from '../cli-error.ts';

type Spec = Record<string, unknown>;

/** Changes single settings: `outsideAccess=false`, `policies.presence=Private`; `null` takes a setting away. */
export function assign(spec: Spec, assignments: string[]): Spec {
  const changed = structuredClone(spec);
  for (const assignment of assignments) assignOne(changed, assignment);
  return changed;
}

function assignOne(spec: Spec, assignment: string): void {
  const [, path, value] = /^([\w.]+)=(.*)$/s.exec(assignment) ?? [];
  if (path === undefined || value === undefined) {
    throw new CliError(`"${assignment}" is not of the form setting=value.`, EXIT.usage);
  }
  const keys = path.split('.');
  const last = keys.pop() as string;
  const target = keys.reduce(descend, spec);
  const parsed = parseValue(value);
  if (parsed === null) delete target[last];
  else setOwn(target, last, parsed);
}

function descend(spec: Spec, key: string): Spec {
  const inner = Object.hasOwn(spec, key) ? spec[key] : undefined;
  if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) return inner as Spec;
  return setOwn(spec, key, {}) as Spec;
}

/** `__proto__=…` is a setting that the server will refuse, not a change of all objects. */
function setOwn(target: Spec, key: string, value: unknown): unknown {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  return value;
}

/** JSON where it is JSON; everything else is text. */
function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
