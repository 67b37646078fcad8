import type { Random } from '../prng.ts'
import { chance, integer, pick } from './choice.ts'

const list = (text: string): readonly string[] => text.trim().split(/\s+/)

export const NAMES = list(`
  Ada Alan Grace Linus Edsger Barbara Donald Margaret Dennis Ken Radia Tim Vint Hedy Claude Emmy
  Sofia Maria Anna Clara Eva Nina Olga Rosa Ines Lena Mia Zoe Amir Omar Hassan Leila Fatima Yuki
  Kenji Hana Mei Wei Jin Ravi Priya Arjun Kofi Ama Tariq Diego Luis Carmen Pablo Bob Alice Carol
  Dave Eve Frank Peter Paul Mary John Jane Sam Tom Ben Max Leo Hugo Felix Oscar Ivan Boris
`)

export const CITIES = list(`
  Paris London Berlin Madrid Rome Vienna Prague Lisbon Dublin Oslo Helsinki Stockholm Copenhagen
  Warsaw Budapest Athens Zurich Geneva Amsterdam Brussels Hamburg Munich Milan Naples Porto Lyon
  Tokyo Kyoto Osaka Seoul Beijing Shanghai Delhi Mumbai Bangkok Hanoi Jakarta Manila Sydney
  Melbourne Auckland Cairo Lagos Nairobi Accra Tunis Casablanca Boston Chicago Denver Dallas Austin
  Seattle Portland Miami Toronto Montreal Vancouver Havana Lima Bogota Quito Santiago Brasilia
`)

export const THINGS = list(`
  apple mango banana cherry bread cheese house river garden window table chair book letter paper
  stone water fire light night morning summer winter music dance train ship bridge tower forest
  mountain ocean flower tree bird horse cat dog fish cloud rain snow wind sun moon star road door
  key clock coffee tea sugar salt orange lemon rocket planet robot engine piano violin castle island
  desert hello world monkey tiger elephant kitten puppy rabbit turtle eagle spider dragon unicorn
  pepper pizza noodle butter cookie banjo guitar drum trumpet poem novel story joke riddle puzzle
  football tennis hockey chess poker summit valley harbor village kingdom queen king doctor lawyer
  teacher student soldier farmer baker pilot captain uncle brother sister mother father friend
  window pocket jacket shirt shoes hammer nail screw ladder bucket shovel basket bottle glass cup
  spoon fork knife plate kitchen bedroom office school church museum library station airport market
  money dollar penny wallet ticket passport camera phone laptop keyboard screen network server cable
  battery magnet crystal diamond silver copper iron carbon oxygen gravity atom molecule galaxy comet
  winter spring autumn monday sunday january october history science physics biology grammar verb
  breakfast dinner holiday birthday weather thunder lightning rainbow shadow whisper dream memory
`)

const ADJECTIVES = list(`
  red green blue yellow black white big small old new fast slow warm cold happy quiet bright dark
  soft hard sweet round long short heavy light brave calm clever gentle proud silent strange
  purple pink brown golden empty full early late cheap rich poor young tiny huge narrow wide deep
  funny lazy busy hungry thirsty angry lucky famous secret public modern ancient perfect broken
`)

const ONSETS = list(
  'b d f g h j k l m n p r s t v w z br cr dr gr pl st tr sh ch th fl sw qu wh c y',
)
const VOWELS = list('a e i o u a e i o ai ou ee ea y oo')
const ENDINGS = list('n r s l k m t x nd rt ng st ck ll ss mp sh ly er')

const CAPITALS = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ']

/** A made-up word, so that copying must be learned rather than the words themselves. */
export function inventedWord(random: Random): string {
  let word = ''
  for (let syllable = integer(random, 1, 3); syllable > 0; syllable--) {
    word += pick(random, ONSETS) + pick(random, VOWELS)
  }
  return chance(random, 0.6) ? word + pick(random, ENDINGS) : word
}

/** Letters in capitals, like a currency or a share. */
export function code(random: Random): string {
  const letters = Array.from({ length: integer(random, 2, 5) }, () => pick(random, CAPITALS))
  return letters.join('')
}

/** A name or other proper noun, real or invented. */
export function properNoun(random: Random, known: readonly string[]): string {
  if (chance(random, 0.5)) return pick(random, known)
  return capitalise(inventedWord(random))
}

/** A common noun or adjective, sometimes invented. */
export function commonWord(random: Random): string {
  if (chance(random, 0.3)) return inventedWord(random)
  return pick(random, chance(random, 0.7) ? THINGS : ADJECTIVES)
}

export function capitalise(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1)
}
