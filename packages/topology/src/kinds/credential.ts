// What is needed to check a user's digest answer. Written by CMS only, followed by the roles that authenticate.
import { z } from 'zod';

const hashes = z.strictObject({ MD5: z.string(), 'SHA-256': z.string(), 'SHA-512-256': z.string() });

/** `digest[username as the client sends it][algorithm]` is H(username:realm:password); the realm is the SIP domain. */
export const credentialSpec = z.strictObject({ digest: z.record(z.string(), hashes) });

export type CredentialSpec = z.output<typeof credentialSpec>;
