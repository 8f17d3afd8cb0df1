/**
 * The codes in ms-diagnostics ([MS-OCER] 2.2.1). They are Linchpin's own: clients show them, administrators look them up
 * here and find the log line by the id beside them.
 */
const codes: Record<string, number> = {
  // 1000: sign-in, alike for all causes, so that nobody learns which accounts exist.
  'unknown-user': 1000,
  'wrong-password': 1000,
  'user-disabled': 1000,
  // 1001 to 1019: the request itself.
  malformed: 1001,
  overload: 1002,
  'source-failures': 1002,
  'account-failures': 1002,
  'unknown-method': 1003,
  'uri-scheme': 1004,
  'max-forwards': 1005,
  loop: 1006,
  'extension-required': 1007,
  'foreign-route': 1008,
  // 1020 to 1039: who may send it.
  'spoofed-identity': 1020,
  'not-authenticated': 1021,
  // 1040 to 1059: registrar.
  'interval-too-brief': 1040,
  'max-endpoints': 1041,
  'max-users': 1042,
  'wrong-registrar': 1043,
  'not-homed-here': 1044,
  'out-of-order': 1045,
  'path-without-support': 1046,
  'no-outbound-at-first-hop': 1047,
  // 1060 to 1079: where it should go.
  'foreign-domain': 1060,
  'no-such-user': 1061,
  'no-endpoint': 1062,
  // As if the user was not there: who is blocked shall not learn of it.
  blocked: 1062,
  'flow-gone': 1063,
  'no-dialog': 1064,
  'not-for-servers': 1065,
  'no-answer': 1066,
  'not-delivered': 1067,
  // 1080 to 1099: this server.
  'state-unavailable': 1080,
  'not-loaded': 1081,
  'internal-error': 1082,
  'no-owner': 1083,
  'relay-loop': 1084,
  'no-chat': 1085,
  // 1100 to 1119: presence.
  'event-package': 1100,
  'publish-for-another': 1101,
  'no-publication': 1102,
  'presence-document': 1103,
  'media-type': 1104,
  'body-too-large': 1105,
  'not-acceptable': 1106,
  'too-many-watchers': 1107,
};

/** 1999: a rule that is not in the table yet. */
export const ruleCode = (rule: string): number => codes[rule] ?? 1999;
