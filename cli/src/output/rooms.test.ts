import { Category, Post, Room } from '@linchpin/proto/chat/v1/chat';
import { describe, expect, test } from 'vitest';
import { accessTable, categoryTable, eventLines, postLine, roomTable } from './rooms.ts';

const post = Post.create({
  seq: 7,
  at: '2026-03-01T10:00:00.000Z',
  by: 'alice@contoso.lab',
  body: 'buy\nnow \u001b[2J',
});

describe('tables', () => {
  test('a category shows what is not as usual, and no list of thousands', () => {
    const allowed = Array.from({ length: 1000 }, (_, at) => `user-${at}@contoso.lab`);
    const category = Category.create({
      name: 'Trading',
      allowed,
      invitations: true,
      chatHistory: true,
      retentionDays: 30,
    });
    expect(categoryTable([category]).split('\n')[1]).toMatch(
      /^Trading +user-0@contoso.lab user-1@contoso.lab user-2@contoso.lab and 997 more +- +- +no-files retention=30d/,
    );
  });

  test('a room says that it is disabled or held', () => {
    const room = {
      ...Room.create({ name: 'Desk', disabled: true, legalHold: true }),
      categoryName: 'Trading',
    };
    expect(roomTable([room])).toMatch(/Desk +Trading .*disabled,hold/);
  });

  test('everybody stands once, with all roles', () => {
    const access = { members: ['alice', 'bob'], managers: ['alice'], presenters: [] };
    expect(accessTable(access)).toBe('WHO     ROLES\nalice   manager,member\nbob     member');
  });
});

describe('posts', () => {
  test('keep their lines, and steer no terminal', () => {
    expect(postLine(post)).toBe('7  2026-03-01T10:00:00.000Z  alice@contoso.lab: buy\n    now \ufffd[2J');
  });

  test('say what became of them', () => {
    expect(postLine({ ...post, thread: 3, editedAt: post.at, subject: 'Gold' })).toContain(
      '(in thread 3, edited): Gold\n    buy',
    );
    expect(postLine({ ...post, body: '', deletedAt: post.at })).toContain('alice@contoso.lab: (deleted)');
  });

  test('come in a session as events, until it is over', () => {
    const event = { seq: 8, at: post.at, by: 'bob@contoso.lab', kind: 'post', body: 'sell\n\u0007' };
    const events = { $case: 'events' as const, value: { events: [JSON.stringify(event)] } };
    expect(eventLines({ what: events })).toEqual([`8  ${post.at}  bob@contoso.lab post: sell\ufffd\ufffd`]);
    expect(eventLines({ what: { $case: 'ended', value: 'removed' } })).toEqual([
      'the session is over: removed',
    ]);
  });
});
