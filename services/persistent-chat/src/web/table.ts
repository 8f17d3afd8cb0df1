// The map of this surface: everything that can be asked by HTTPS.
import type { Route } from './route.ts';
import { accountRoutes } from './routes/account.ts';
import { categoryRoutes } from './routes/categories.ts';
import { eventRoutes } from './routes/events.ts';
import { fileRoutes } from './routes/files.ts';
import { postRoutes } from './routes/posts.ts';
import { roomRoutes } from './routes/rooms.ts';
import { topicRoutes } from './routes/topics.ts';

export const table: readonly Route[] = [
  ...accountRoutes,
  ...categoryRoutes,
  ...roomRoutes,
  ...postRoutes,
  ...topicRoutes,
  ...eventRoutes,
  ...fileRoutes,
];
