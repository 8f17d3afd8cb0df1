/** Text from strangers (user agents, notes, log fields) may be shown, but does not end a line or steer the terminal. */
export const harmless = (text: string): string => text.replace(/[^\P{Cc}\t]/gu, '\u{fffd}');
