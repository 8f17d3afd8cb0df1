/**
 * The metadata by which CMS says for which administrator it passes a call on: the common name in that one's certificate, in UTF-8. To be
 * believed of callers whose role is `cms`, and of nobody else.
 */
export const ADMINISTRATOR = 'linchpin-administrator-bin';
