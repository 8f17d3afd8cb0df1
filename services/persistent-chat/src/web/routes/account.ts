import { z } from 'zod';
import { route } from '../route.ts';
import { serverInfo, token } from '../schemas.ts';

export const accountRoutes = [
  route({
    operation: 'createToken',
    method: 'POST',
    path: '/v1/token',
    tag: 'Account',
    summary: 'A token for what comes next',
    description:
      'Only by Digest. The token ends early when the password changes or the user may not use it any more.',
    open: 'digest',
    answer: token,
    handle: async ({ tokenFor }, { identity }) => tokenFor(identity.user),
  }),
  route({
    operation: 'getServer',
    method: 'GET',
    path: '/v1/server',
    tag: 'Account',
    summary: 'What the pool holds its users to',
    answer: serverInfo,
    handle: async (parts, { identity }) => parts.serverInfo(identity.user),
  }),
  route({
    operation: 'getOpenApi',
    method: 'GET',
    path: '/v1/openapi.json',
    tag: 'Account',
    summary: 'This document',
    open: 'everybody',
    answer: z.looseObject({}),
    handle: async ({ openApi }) => openApi() as Record<string, unknown>,
  }),
];
