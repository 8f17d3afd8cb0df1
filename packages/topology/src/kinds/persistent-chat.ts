// Persistent Chat: who may use it, what its rooms are held to, and groups of users that rooms are given to.
import { z } from 'zod';
import { userName } from './names.ts';

const whole = (min: number, max: number) => z.int().min(min).max(max);

export const persistentChatPolicySpec = z.strictObject({ enabled: z.boolean().default(false) });

/** What an extension of a file looks like, without the dot. */
const extension = z.string().regex(/^[a-z0-9]{1,16}$/, 'must be an extension such as "exe", in lower case');

export const persistentChatConfigurationSpec = z.strictObject({
  /** Posts that whoever joins a room is given. */
  defaultChatHistory: whole(0, 500).default(30),
  /** Characters of a message, and of a post with a subject. */
  maxMessageCharacters: whole(1, 65_536).default(8192),
  maxStoryCharacters: whole(1, 262_144).default(32_768),
  /** Results of one search. */
  maxSearchResults: whole(1, 10_000).default(999),
  maxFileKilobytes: whole(1, 1_048_576).default(20_000),
  blockedFileTypes: z
    .array(extension)
    .max(200)
    .default([
      'bat',
      'cmd',
      'com',
      'cpl',
      'dll',
      'exe',
      'hta',
      'jar',
      'js',
      'lnk',
      'msi',
      'ps1',
      'reg',
      'scr',
      'vbs',
      'wsf',
    ]),
  /** Uploads of one user that a pod takes at one time. */
  uploadsAtOncePerUser: whole(1, 1000).default(4),
  /** What one user may put into all rooms, and all users into one room, in `uploadQuotaHours`; a megabyte is a million bytes. */
  uploadMegabytesPerUser: whole(1, 10_000_000).default(2000),
  uploadMegabytesPerRoom: whole(1, 10_000_000).default(20_000),
  uploadQuotaHours: whole(1, 8760).default(24),
  /** Hours that a file is kept which was never posted. */
  unpostedFileHours: whole(1, 8760).default(24),
  /** Participants above which a room has no roster; it has one again below four fifths of that. */
  rosterLimit: whole(0, 1000).default(75),
  postsPerSecondPerUser: whole(1, 1000).default(20),
  maxRoomsPerUser: whole(1, 100_000).default(10_000),
  /** What one user is alerted of. */
  maxTopicsPerUser: whole(0, 1000).default(50),
  /** Members, managers and presenters over all rooms and categories of the pool. */
  maxAccessEntries: whole(1, 10_000_000).default(2_000_000),
  /** Where clients send people to manage rooms. */
  roomManagementUrl: z.url({ protocol: /^https$/ }).optional(),
  /** Minutes between two runs of the compliance adapters. */
  complianceIntervalMinutes: whole(1, 43_200).default(15),
});

export const groupSpec = z.strictObject({
  description: z.string().max(1024).default(''),
  members: z.array(userName).max(10_000),
});

export type PersistentChatPolicySpec = z.output<typeof persistentChatPolicySpec>;
export type PersistentChatConfigurationSpec = z.output<typeof persistentChatConfigurationSpec>;
export type GroupSpec = z.output<typeof groupSpec>;
