const list = (text: string): string[] => text.trim().split(/\s+/)
const phrases = (text: string): string[] => text.split(',').map((phrase) => phrase.trim())

const THINGS = list(`
  bicycle candle carpet castle chair clock curtain door drum engine feather fence fountain garden glass
  glove guitar hammer harbor jacket kettle kite ladder lamp lantern lemon library magnet mirror mountain
  needle notebook ocean onion orchard oven paint pencil piano pillow pottery pump radio river road rocket
  roof rope saddle scarf shovel spoon stove sword table telescope tent thread ticket tower train tunnel
  umbrella valley violin wagon wallet watch wheel whistle window zipper anchor barrel basket battery blanket
  bottle bridge bucket button cabin camera
`)

const ANIMALS = list(`
  badger bat bear beaver bee butterfly camel cat cow crab crow deer dog dolphin donkey duck eagle elephant
  falcon fox frog goat goose hamster hawk hedgehog heron horse jellyfish kangaroo lizard lobster mole moose
  mouse octopus otter owl panda parrot penguin pigeon rabbit raven salmon seal shark sheep snail snake
  sparrow spider squirrel swan tiger toad turtle whale wolf
`)

const IRREGULAR: Readonly<Record<string, string>> = {
  deer: 'deer',
  goose: 'geese',
  knife: 'knives',
  moose: 'moose',
  mouse: 'mice',
  salmon: 'salmon',
  scarf: 'scarves',
  sheep: 'sheep',
  wolf: 'wolves',
}

function plural(noun: string): string {
  if (/(s|x|ch|sh)$/.test(noun)) return `${noun}es`
  return IRREGULAR[noun] ?? `${noun.replace(/([^aeiou])y$/, '$1ie')}s`
}

/** The words of prompts, by what they can stand for. */
export const WORDS: Readonly<Record<string, readonly string[]>> = {
  thing: THINGS,
  things: THINGS.map(plural),
  animal: ANIMALS,
  animals: ANIMALS.map(plural),
  city: list(`
    Athens Bangkok Berlin Boston Cairo Chicago Copenhagen Dublin Geneva Hanoi Istanbul Jakarta Kyoto Lima
    Lisbon London Madrid Montreal Mumbai Nairobi Naples Oslo Paris Porto Prague Rome Santiago Seoul
    Stockholm Sydney Tokyo Toronto Vienna Warsaw Antwerp Bergen Bologna Bristol Bruges Cologne Denver
    Galway Ghent Granada Hamburg Helsinki Krakow Leeds Leipzig Lyon Malaga Marseille Melbourne Munich
    Osaka Palermo Quito Riga Rotterdam Salzburg Seville Tallinn Turin Utrecht Valencia Vilnius Zagreb
    Zurich
  `),
  country: list(`
    Argentina Austria Bolivia Brazil Bulgaria Canada Chile Croatia Cuba Ecuador Egypt Estonia Ethiopia
    Finland Ghana Greece Hungary Iceland India Italy Japan Jordan Kenya Malta Mexico Mongolia Morocco
    Nepal Norway Panama Peru Poland Portugal Singapore Slovenia Spain Sweden Tunisia Turkey Uruguay
    Vietnam
  `),
  place: ['{city}', '{country}'],
  name: list(`
    Adam Aisha Alex Amara Andrea Anton Beatriz Ben Carla Chen Clara Daniel Dario Elena Emil Eric Fatima Felix Gloria
    Greta Hana Hassan Ines Ivan Jamal Jana Jonas Julia Kai Kavya Laila Lars Lena Liam Lucia Maja Marco Maria Mei
    Milan Nadia Nina Noah Olga Oscar Pablo Petra Priya Rafael Rosa Ruth Samir Sara Simon Sofia Tara Theo Tomas
    Vera Victor Yara Yusuf Zoe
  `),
  topic: phrases(`
    photosynthesis, compound interest, tectonic plates, the water cycle, inflation, supply and demand, vaccines,
    black holes, plate glass, the printing press, the French Revolution, the Silk Road, solar panels, heat pumps,
    wind turbines, nuclear fusion, electric cars, home insulation, composting, crop rotation, beekeeping, sourdough,
    fermentation, knife sharpening, meal planning, sleep hygiene, stretching, marathon training, chess openings,
    perspective drawing, color theory, watercolor, music theory, jazz harmony, sonnets, haiku, short stories,
    public speaking, job interviews, negotiation, remote work, time management, note taking, spaced repetition,
    speed reading, mental arithmetic, prime numbers, matrices, probability, standard deviation, linear regression,
    decision trees, neural networks, gradient descent, hash tables, binary search, recursion, garbage collection,
    threads and locks, database indexes, SQL joins, regular expressions, version control, unit testing, code review,
    containers, load balancing, caching, public key cryptography, passwords, phishing, home networks, backups,
    mortgages, index funds, pensions, sales tax, freelancing contracts, tenancy law, copyright, patents, elections,
    the separation of powers, trade unions, urban planning, bike lanes, public transport, air travel, jet lag,
    travel insurance, packing lists, camping, bird watching, house plants, lawn care, aquariums, dog training,
    allergies, blood pressure, first aid, nutrition labels, iron deficiency, hydration, tides, earthquakes,
    volcanoes, glaciers, the ozone layer, deserts, rainforests, coral reefs, whale migration, dinosaurs, fossils,
    carbon dating, ancient Rome, the Vikings, the Bronze Age, the Cold War, the moon landing, railways, canals,
    lighthouses, cathedrals, suspension bridges, concrete, steel making, 3D printing, batteries, LED lamps
  `),
  field: phrases(`
    biology, chemistry, physics, history, geography, economics, law, medicine, psychology, philosophy, sociology,
    linguistics, literature, music, art, architecture, astronomy, geology, statistics, computer science, accounting,
    marketing, logistics, agriculture, nursing, teaching, journalism, carpentry, cooking, gardening
  `),
  audience: phrases(`
    a ten year old, a beginner, my grandmother, a high school student, a new employee, a busy manager, a tourist,
    a first year student, a customer, an engineer, a nurse, someone in a hurry, a non native speaker, a skeptic,
    my neighbour, a small business owner, a volunteer, a parent, a teenager, a retired teacher
  `),
  tone: list(
    'friendly formal casual polite neutral cheerful serious concise warm confident humble playful direct plain calm',
  ),
  language: list(
    'French Spanish German Italian Portuguese Dutch Polish Swedish Turkish Greek Czech Danish Finnish Norwegian',
  ),
  code: phrases(
    'Python, JavaScript, TypeScript, Rust, Go, Java, C, C++, C#, Ruby, PHP, Kotlin, Swift, SQL, Bash, R, Lua, Scala',
  ),
  adjective: list(`
    old new small large quiet bright dark cold warm heavy light narrow wide broken clean dusty empty famous gentle
    strange simple rough smooth sharp soft sturdy thin thick wet dry yellow green blue red grey silver wooden cheap
    expensive careful patient tired curious lucky nervous proud
  `),
  verb: list(`
    found sold repaired carried painted lost borrowed cleaned moved hid measured opened wrapped dropped kept built
    bought described returned noticed
  `),
  day: list('Monday Tuesday Wednesday Thursday Friday Saturday Sunday'),
  month: list(
    'January February March April May June July August September October November December',
  ),
  few: list('2 3 4 5 6 7 8 9'),
  digit: list('0 1 2 3 4 5 6 7 8 9'),
  number: [
    '{few}',
    '1{digit}',
    '{few}{digit}',
    '{few}0',
    '1{digit}{digit}',
    '{few}{digit}{digit}',
    '{few}5',
  ],
  clock: ['{few}:05', '{few}:15', '{few}:20', '{few}:30', '{few}:45', '10:2{digit}', '11:1{digit}'],
  period: list('minutes hours days weeks months'),
  span: ['{number} {period}'],
  measure: list('kilometres miles metres litres grams kilograms ounces gallons inches feet yards'),
  amount: [
    '{number} {measure}',
    '{number} euros',
    '{number} dollars',
    '{number} pages',
    '{number} {things}',
  ],
}
