/** The words of the demo stream. All of it was written for this purpose; none of it was said by anyone. */

export const labels = ['negative', 'neutral', 'positive'] as const
export type Label = (typeof labels)[number]

export interface Topic {
  readonly name: string
  /** What a post is about, as it stands after "the". */
  readonly things: readonly string[]
  readonly hashtags: readonly string[]
}

export const topics: readonly Topic[] = [
  {
    name: 'coffee',
    things: ['new coffee place', 'flat white', 'espresso machine', 'café on the corner'],
    hashtags: ['coffee', 'coffeetime', 'morning'],
  },
  {
    name: 'trains',
    things: ['morning train', 'night train', 'ticket app', 'platform staff', 'commute'],
    hashtags: ['commute', 'trains', 'delays'],
  },
  {
    name: 'phones',
    things: ['new phone', 'camera update', 'battery', 'support team', 'screen'],
    hashtags: ['tech', 'phone', 'update'],
  },
  {
    name: 'films',
    things: ['new film', 'season finale', 'trailer', 'soundtrack', 'main actor'],
    hashtags: ['film', 'cinema', 'nowwatching'],
  },
  {
    name: 'football',
    things: ['match', 'second half', 'referee', 'goalkeeper', 'home game'],
    hashtags: ['football', 'matchday', 'goal'],
  },
  { name: 'weather', things: ['weather', 'rain', 'heat', 'snow', 'wind'], hashtags: ['weather', 'sunday', 'outside'] },
  {
    name: 'games',
    things: ['new patch', 'boss fight', 'update', 'game server', 'story mode'],
    hashtags: ['gaming', 'indie', 'patchday'],
  },
  {
    name: 'food',
    things: ['pizza', 'delivery', 'breakfast', 'ramen', 'birthday cake'],
    hashtags: ['foodie', 'dinner', 'lunch'],
  },
  {
    name: 'music',
    things: ['new album', 'concert', 'live version', 'support band', 'playlist'],
    hashtags: ['music', 'livemusic', 'newalbum'],
  },
  {
    name: 'work',
    things: ['meeting', 'deadline', 'new office', 'release', 'on-call shift'],
    hashtags: ['work', 'monday', 'devlife'],
  },
]

/** What the stream turns to when its vocabulary shifts: things and words that the posts before never named. */
export const laterTopics: readonly Topic[] = [
  {
    name: 'gliders',
    things: ['rooftop glider', 'glider lane', 'wing rental', 'skydock'],
    hashtags: ['gliderlife', 'skydock'],
  },
  {
    name: 'kelp',
    things: ['kelp burger', 'algae latte', 'seaweed jerky', 'tidal market'],
    hashtags: ['kelp', 'tidalmarket'],
  },
  {
    name: 'holo',
    things: ['holo stage', 'lumen wall', 'haptic vest', 'echo suite'],
    hashtags: ['holonight', 'lumenwall'],
  },
]

export interface Phrases {
  /** `{thing}` is replaced; each says what its class says, whatever the thing. */
  readonly templates: readonly string[]
  readonly emoji: readonly string[]
}

export const english: Readonly<Record<Label, Phrases>> = {
  positive: {
    templates: [
      'I love the {thing}, it made my whole day',
      'the {thing} was amazing, thank you so much!',
      'so happy with the {thing}, best decision this year',
      'what a great {thing}, well done everyone',
      'honestly the {thing} is the best I have had in years',
      'cannot stop smiling because of the {thing}',
      'the {thing} was perfect and the people were so friendly',
      'really enjoyed the {thing} tonight, wonderful',
      'big thanks for the {thing}, you are awesome',
      'the {thing} is beautiful, I am so excited!',
      'finally a {thing} that just works, fantastic',
      'good news about the {thing}, feeling lucky and happy',
      'this {thing} is brilliant, love it',
      'had so much fun with the {thing}, would recommend it to everyone',
    ],
    emoji: ['😍', '😊', '🎉', '❤️', '😁', '🙌', '👍'],
  },
  negative: {
    templates: [
      'I hate the {thing}, it ruined my whole day',
      'the {thing} was terrible, never again',
      'so disappointed with the {thing}, what a waste of money',
      'worst {thing} ever, I want a refund',
      'the {thing} is broken again and nobody cares',
      'really angry about the {thing}, this is a disgrace',
      'the {thing} was awful and the staff were rude',
      'sick of the {thing}, it fails every single time',
      'why is the {thing} always so bad, I am fed up',
      'the {thing} made me cry, horrible evening',
      'another failure with the {thing}, this is ridiculous',
      'lost two hours because of the {thing}, so annoying and stupid',
      'the {thing} is a joke, absolutely useless',
      'sad and tired, the {thing} was a disaster',
    ],
    emoji: ['😡', '😭', '🤬', '😞', '👎', '💔', '😤'],
  },
  neutral: {
    templates: [
      'the {thing} starts at {hour} on {day}',
      'does anyone know when the {thing} is on {day}?',
      'heading to the {thing} now',
      'reading about the {thing} on {day}',
      'the {thing} will be moved to {day}, says the announcement',
      'question: where can I find the {thing}?',
      'part two of the {thing} comes out on {day}',
      'photo of the {thing}, taken at {hour}',
      'they will talk about the {thing} on {day} at {hour}',
      'the {thing} opens at {hour} from {day}',
      'who is going to the {thing} on {day}?',
      'update: the {thing} has a new schedule for {day}',
    ],
    emoji: ['📅', '🤔', '📷', '👀', '📍'],
  },
}

/** What people say after the vocabulary has shifted: the feeling is carried by words that are new. */
export const slang: Readonly<Record<Label, Phrases>> = {
  positive: {
    templates: [
      'the {thing} is pure glimmer',
      'that {thing} totally zings',
      'the {thing} has me floating on velvet',
      'full lumen for the {thing}',
    ],
    emoji: ['✨', '🪽', '🫶'],
  },
  negative: {
    templates: [
      'the {thing} is soggy toast',
      'that {thing} fully clunked',
      'the {thing} has me in the murk',
      'zero lumen for the {thing}',
    ],
    emoji: ['🫠', '🪫', '🧊'],
  },
  neutral: {
    templates: [
      'the {thing} docks at {hour}',
      'who is gliding to the {thing} on {day}?',
      'spotted the {thing} at {hour}',
    ],
    emoji: ['🛰️', '🪁'],
  },
}

/** Other languages than English, a small share of the stream. */
export const others: Readonly<Record<'de' | 'es' | 'fr', Readonly<Record<Label, readonly string[]>>>> = {
  de: {
    positive: [
      'das war heute richtig schön, danke an alle',
      'ich liebe dieses Wetter',
      'endlich Wochenende, ich freue mich so',
    ],
    negative: [
      'schon wieder zu spät, das nervt total',
      'so ein schlechter Tag, ich bin enttäuscht',
      'der Service war furchtbar, nie wieder',
    ],
    neutral: [
      'weiß jemand, wann es am Freitag losgeht?',
      'wir treffen uns um acht am Bahnhof',
      'neuer Termin: Dienstag um neun',
    ],
  },
  es: {
    positive: [
      'qué día tan bonito, estoy muy feliz',
      'me encanta este lugar, gracias por todo',
      'por fin vacaciones, qué alegría',
    ],
    negative: ['otra vez tarde, qué vergüenza', 'odio esperar tanto, estoy harta', 'el peor servicio de mi vida'],
    neutral: [
      '¿alguien sabe a qué hora empieza mañana?',
      'nos vemos el jueves en la estación',
      'nuevo horario desde el lunes',
    ],
  },
  fr: {
    positive: [
      'quelle belle journée, je suis trop content',
      'merci à toute l’équipe, c’était parfait',
      'j’adore ce petit café',
    ],
    negative: ['encore en retard, j’en ai marre', 'quelle déception, plus jamais', 'le service était nul et froid'],
    neutral: [
      'quelqu’un sait quand ça commence samedi ?',
      'rendez-vous à huit heures à la gare',
      'le programme change mardi',
    ],
  },
}

export const days = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const
export const hours = ['8am', '9:30', 'noon', '2pm', '5pm', '18:00', '7:45pm', 'midnight'] as const
export const sources = ['web', 'mobile', 'forum', 'news'] as const
