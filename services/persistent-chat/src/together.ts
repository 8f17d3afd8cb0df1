/**
 * Statements of one transaction that were sent without waiting for each other. Where one fails all behind it fail because of it:
 * rejects with what the first one says, when all have been answered.
 */
export async function together<T extends readonly unknown[] | []>(
  sent: T,
): Promise<{ -readonly [At in keyof T]: Awaited<T[At]> }> {
  const answers = await Promise.allSettled(sent);
  for (const answer of answers) if (answer.status === 'rejected') throw answer.reason;
  return (await Promise.all(sent)) as { -readonly [At in keyof T]: Awaited<T[At]> };
}
