const lines = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())

/** What users ask for. `short` fits where there is little room. Typing style comes later. */
export const TASKS: Readonly<Record<string, readonly string[]>> = {
  short: lines(`
    {topic}?
    {topic} in {number} words
    define {topic}
    what is {topic}
    explain {topic}
    why {topic}?
    {few}{number} * {few}{number}
    {number} {measure} in {measure}
    weather in {place} in {month}
    {thing} in {language}?
    "{adjective} {thing}" in {language}
    a synonym for {adjective}, as in {adjective} {thing}
    {animal} or {animal}?
    {number} facts about {animals}
    rhyme with {thing} and {thing}
    {city} to {city} by train?
    tips for {topic}
    poem: {adjective} {animal}
    joke about a {animal} and a {thing}
    name for a {adjective} {animal}
  `),
  ask: lines(`
    explain
    can you explain
    please describe
    help me understand
    give me an overview of
    tell me about
    write about
    I want to learn about
    summarize what is known about
    I need a short introduction to
  `),
  limit: [
    '',
    '',
    ...lines(`
      in {number} sentences
      in a {tone} tone
      for {audience}
      as a bulleted list
      step by step
      with an example
      without jargon
      using an analogy with a {thing}
      and say why it matters
    `).map((limit) => ` ${limit}`),
  ],
  question: lines(`
    what is the difference between {topic} and {topic}
    how does {topic} work
    why do people care about {topic}
    what should I know about {topic} before I go to {place}
    how long does it take to learn {topic} if I have {few} hours a week
    is {topic} worth it for {audience}
    what are {few} common mistakes in {topic}
    who first wrote about {topic}, and what did they get wrong
    if {clause}, what would happen to {object}
    how much is {number} {measure} in {measure}
    which is better for {audience}: {topic} or {topic}
    do {animals} and {animals} ever live together
  `),
  plan: lines(`
    plan a trip of {few} days from {city} to {country} for {audience}
    make a shopping list for {number} people who like {things} and {topic}
    give me {few} ideas for a {tone} talk about {topic}
    suggest {few} names for a shop that sells {adjective} {things} in {city}
    draft an agenda for a meeting about {topic} on {day}
    write a study plan for {topic}, {span} long
  `),
  compose: lines(`
    write a {tone} email to {name} about {topic}; mention that {clause}
    write a short story in which {name} {verb} a {adjective} {thing} in {city}
    write a haiku about {topic} and a {animal}
    write a {tone} review of a {adjective} {thing}, {few} of 10 stars
    write a dialogue between a {animal} and a {animal} about {topic}
    write a toast for {name}, who {verb} {object} {when}
  `),
  program: lines(`
    write a {code} function that sorts {things} by weight and then by name
    in {code}, how do I read a file with {number} lines and count the {things}
    my {code} program prints {number} instead of {number}. what could be wrong with a loop over {things}
    convert this idea to {code}: for each {animal}, print its {thing} unless it is {adjective}
    write {few} unit tests in {code} for a class called {name}
  `),
  sum: lines(`
    {name} has {number}{digit} {things} and gives {few} to {name}. how many are left
    a train leaves {city} at {clock} and needs {number} minutes to {city}. when does it arrive
    what is {number} percent of {number}{digit}, rounded to the nearest {few}
    if {few} {things} cost {number} euros, how much are {number}
  `),
  work: lines(`
    translate to {language}: {clause}.
    rewrite this in a {tone} tone: {clause}, {joint} {clause}.
    correct the grammar: {clause} {joint} {clause}
    is the following positive or negative? "{clause}."
    extract all names and places: {clause}; {clause}.
    turn this into JSON with keys who, what and when: {clause} {when}.
    find a title for a text that begins: {clause}.
  `),
  end: ['?', '?', '?', '', ' please?', '? Thanks', '??', '? Keep it short.', '? I am {audience}.'],
  stop: ['.', '.', '', ' please', '. Thanks!', '. Keep it {tone}.', '. Answer in {language}.'],
  opening: [
    '',
    '',
    '',
    '',
    '',
    ...lines(`
      hi,
      hello!
      quick question:
      so,
      for {field} class:
      hey
      OK,
    `).map((opening) => `${opening} `),
  ],
  task: lines(`
    {opening}{ask} {topic}{limit}{stop}
    {opening}{question}{end}
    {opening}{question}{end}
    {opening}{plan}{stop}
    {opening}{compose}{stop}
    {opening}{program}{end}
    {opening}{sum}{end}
    {opening}{work}
  `),
}
