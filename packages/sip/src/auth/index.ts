export { type DigestAlgorithm, digestAlgorithms, digestHa1 } from './algorithms.ts';
export { type Answering, answerChallenge, type Challenge, digestChallenges } from './challenge.ts';
export { offeredAlgorithms } from './compat.ts';
export { type DigestCredentials, parseDigest } from './credentials.ts';
export { createNonces, type NonceOptions, type NonceState, type Nonces } from './nonces.ts';
export { type DigestSubject, digestResponse, verifyDigest } from './verify.ts';
