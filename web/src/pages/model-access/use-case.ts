import { fromBase64, toBase64 } from "@/client";

/** The form that some providers ask an account for, with the members that Bedrock's own has. */
export interface UseCase {
  companyName: string;
  companyWebsite: string;
  /** "0": people inside the company, "1": outside, "2": both */
  intendedUsers: string;
  industryOption: string;
  otherIndustryOption: string;
  useCases: string;
}

export const noUseCase: UseCase = {
  companyName: "",
  companyWebsite: "",
  intendedUsers: "0",
  industryOption: "",
  otherIndustryOption: "",
  useCases: "",
};

export const audiences = [
  { value: "0", label: "Internal: people of the company" },
  { value: "1", label: "External: customers and the public" },
  { value: "2", label: "Both" },
];

export const other = "Other";

export const industries = [
  "Agriculture",
  "Education",
  "Energy",
  "Financial services",
  "Government",
  "Healthcare",
  "Manufacturing",
  "Media and entertainment",
  "Nonprofit",
  "Professional services",
  "Retail",
  "Technology",
  "Telecommunications",
  "Travel and hospitality",
  other,
];

/** As much as PutUseCaseForModelAccess takes, in bytes. */
const most = 16_384;

export type Missing = { [member in keyof UseCase]?: string };

/** What is wrong with a form. */
export function wrong(form: UseCase): Missing {
  const missing: Missing = {};
  if (form.companyName.trim() === "") missing.companyName = "Enter the name of the company.";
  if (!/^https?:\/\/[^\s/]+\.?[^\s]*$/i.test(form.companyWebsite.trim()))
    missing.companyWebsite = "Enter an address that begins with https:// or http://.";
  if (form.industryOption === "") missing.industryOption = "Choose an industry.";
  if (form.industryOption === other && form.otherIndustryOption.trim() === "")
    missing.otherIndustryOption = "Enter the industry.";
  if (form.useCases.trim() === "") missing.useCases = "Say what the models are used for.";
  else if (new TextEncoder().encode(JSON.stringify(form)).length > most)
    missing.useCases = `The form is longer than ${most.toLocaleString()} bytes. Say it shorter.`;
  return missing;
}

export const encode = (form: UseCase) => toBase64(new TextEncoder().encode(JSON.stringify(form)));

/** Reads a form; undefined where it was submitted in another shape. */
export function decode(data: string): UseCase | undefined {
  try {
    const given: unknown = JSON.parse(textOf(data));
    if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
    const of = (member: keyof UseCase) => {
      const value = (given as { [member: string]: unknown })[member];
      return typeof value === "string" ? value : noUseCase[member];
    };
    return {
      companyName: of("companyName"),
      companyWebsite: of("companyWebsite"),
      intendedUsers: of("intendedUsers"),
      industryOption: of("industryOption"),
      otherIndustryOption: of("otherIndustryOption"),
      useCases: of("useCases"),
    };
  } catch {
    return undefined;
  }
}

/** The bytes of a form as text. */
export const textOf = (data: string) => new TextDecoder().decode(fromBase64(data));
