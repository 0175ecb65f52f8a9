/** The events that whoever runs the proxy may want to hear of at once, and the possible outcomes of a notice. */
export const NOTICE_EVENTS = ['question', 'metadata', 'first-contact'] as const;
export type NoticeEvent = (typeof NOTICE_EVENTS)[number];

export const NOTICE_OUTCOMES = ['sent', 'failed', 'dropped'] as const;
export type NoticeOutcome = (typeof NOTICE_OUTCOMES)[number];
