export { freePort } from '@linchpin/backends';
export type { Fixture } from './dev/fixture.ts';
export { DEV_DOMAIN, globalDocuments, LAB_DOMAIN, topologyDocument, userDocuments } from './documents.ts';
export { createLab, type Lab, type LabMember } from './lab.ts';
export { type Caller, callAs, createInbox, type Neighbour, startNeighbour } from './neighbour.ts';
export type { LabDocument } from './publisher.ts';
