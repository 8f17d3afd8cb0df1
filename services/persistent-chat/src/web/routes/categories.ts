import { z } from 'zod';
import { route } from '../route.ts';
import { category, categoryChange, categoryRef, categorySpec } from '../schemas.ts';

const tag = 'Categories';

export const categoryRoutes = [
  route({
    operation: 'listCategories',
    method: 'GET',
    path: '/v1/categories',
    tag,
    summary: 'Those in which the caller may create rooms or be a member',
    asAdministrator: true,
    answer: z.object({ categories: z.array(category) }),
    handle: async ({ chat }, { caller }) => ({ categories: await chat.categories(caller) }),
  }),
  route({
    operation: 'createCategory',
    method: 'POST',
    path: '/v1/categories',
    tag,
    summary: 'Makes a category (administrators)',
    asAdministrator: true,
    body: categorySpec,
    status: 201,
    answer: category,
    location: ({ id }) => `/v1/categories/${id}`,
    handle: ({ chat }, { caller, body }) => chat.createCategory(caller, body),
  }),
  route({
    operation: 'changeCategory',
    method: 'PATCH',
    path: '/v1/categories/{category}',
    tag,
    summary: 'Changes what is given; lists are replaced as a whole (administrators)',
    asAdministrator: true,
    params: { category: categoryRef },
    body: categoryChange,
    answer: category,
    handle: ({ chat }, { caller, params, body }) => chat.changeCategory(caller, params.category, body),
  }),
  route({
    operation: 'deleteCategory',
    method: 'DELETE',
    path: '/v1/categories/{category}',
    tag,
    summary: 'Deletes a category that has no rooms (administrators)',
    asAdministrator: true,
    params: { category: categoryRef },
    status: 204,
    handle: ({ chat }, { caller, params }) => chat.deleteCategory(caller, params.category),
  }),
];
