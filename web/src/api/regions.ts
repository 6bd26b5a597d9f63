/** The regions that have Bedrock, as AWS's console groups and names them. The server serves each of them. */
export const regions: readonly { group: string; regions: readonly (readonly [code: string, place: string])[] }[] = [
  {
    group: "United States",
    regions: [
      ["us-east-1", "N. Virginia"],
      ["us-east-2", "Ohio"],
      ["us-west-1", "N. California"],
      ["us-west-2", "Oregon"],
      ["us-gov-east-1", "GovCloud US-East"],
      ["us-gov-west-1", "GovCloud US-West"],
    ],
  },
  {
    group: "Americas",
    regions: [
      ["ca-central-1", "Canada Central"],
      ["ca-west-1", "Calgary"],
      ["mx-central-1", "Mexico Central"],
      ["sa-east-1", "São Paulo"],
    ],
  },
  {
    group: "Europe",
    regions: [
      ["eu-central-1", "Frankfurt"],
      ["eu-central-2", "Zurich"],
      ["eu-north-1", "Stockholm"],
      ["eu-south-1", "Milan"],
      ["eu-south-2", "Spain"],
      ["eu-west-1", "Ireland"],
      ["eu-west-2", "London"],
      ["eu-west-3", "Paris"],
    ],
  },
  {
    group: "Asia Pacific",
    regions: [
      ["ap-east-1", "Hong Kong"],
      ["ap-east-2", "Taipei"],
      ["ap-northeast-1", "Tokyo"],
      ["ap-northeast-2", "Seoul"],
      ["ap-northeast-3", "Osaka"],
      ["ap-south-1", "Mumbai"],
      ["ap-south-2", "Hyderabad"],
      ["ap-southeast-1", "Singapore"],
      ["ap-southeast-2", "Sydney"],
      ["ap-southeast-3", "Jakarta"],
      ["ap-southeast-4", "Melbourne"],
      ["ap-southeast-5", "Malaysia"],
      ["ap-southeast-7", "Thailand"],
    ],
  },
  {
    group: "Middle East and Africa",
    regions: [
      ["af-south-1", "Cape Town"],
      ["il-central-1", "Tel Aviv"],
      ["me-central-1", "UAE"],
      ["me-south-1", "Bahrain"],
    ],
  },
];

/** Whether text has the form of a region, known or not. */
export function isRegion(text: string | null | undefined): text is string {
  return text !== null && text !== undefined && /^[a-z]{2,}(-[a-z]+)+-[0-9]{1,2}$/.test(text);
}

/** "N. Virginia" for "us-east-1"; the code where nobody knows the place. */
export function placeOf(code: string): string {
  for (const { regions: list } of regions) {
    const found = list.find(([c]) => c === code);
    if (found) return found[1];
  }
  return code;
}
