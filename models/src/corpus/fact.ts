/** Something the model is to know, with the ways to ask for it. */
export type Fact = {
  /** A word or phrase that can be asked about as such: "What is …?", "define …". */
  readonly term?: string
  /** Other questions with the same answer. */
  readonly questions: readonly string[]
  readonly answer: string
  /** The answer in a few words, for system prompts that ask for brevity or another style. */
  readonly short?: string
  /** The answer in one word, where there is one. */
  readonly word?: string
}

/** Ways to ask about a term; `{}` stands for it. */
export const TERM_QUESTIONS: readonly string[] = [
  'What is {}?',
  'What is {} in Infernet?',
  'What does {} mean?',
  'What does {} mean in Infernet?',
  'Explain {}.',
  'Define {}.',
  'Tell me about {}.',
  'Can you explain {}?',
  'Can you explain what {} is?',
  'Please explain {}.',
  'I do not understand {}.',
  "What's {}?",
  'What is {} and what does it do?',
  'What is {} for?',
  'In simple words, what is {}?',
  'What do you mean by {}?',
  'Could you describe {}?',
  'Do you know what {} is?',
  '{}?',
  'How does {} work?',
]
