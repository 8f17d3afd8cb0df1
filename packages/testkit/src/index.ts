export type { Fixture, FixtureNeighbour } from './dev/fixture.ts';
export {
  DEV_DOMAIN,
  globalDocuments,
  LAB_DOMAIN,
  type LabPool,
  type LabUser,
  topologyDocument,
  userDocuments,
} from './documents.ts';
export { createLab, type Lab, type LabOptions } from './lab.ts';
export {
  type Caller,
  callAs,
  createInbox,
  fullFrame,
  type Neighbour,
  type NeighbourOptions,
  startNeighbour,
} from './neighbour.ts';
export { createPublisher, type LabDocument, type Publisher } from './publisher.ts';
