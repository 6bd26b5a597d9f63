import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import RadioGroup from "@cloudscape-design/components/radio-group";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import { audiences, industries, other, type Missing, type UseCase } from "./use-case";

/** The fields of the form. What is missing is said once it was tried to submit it. */
export function UseCaseFields({
  form,
  missing,
  onChange,
}: {
  form: UseCase;
  missing: Missing;
  onChange: (form: UseCase) => void;
}) {
  const text = (member: keyof UseCase, label: string, placeholder = "") => (
    <FormField label={label} errorText={missing[member]}>
      <Input
        value={form[member]}
        placeholder={placeholder}
        onChange={({ detail }) => onChange({ ...form, [member]: detail.value })}
      />
    </FormField>
  );
  // An industry of a form that was submitted elsewhere stays what it is.
  const options = [...new Set([...industries, ...(form.industryOption ? [form.industryOption] : [])])].map((value) => ({
    value,
  }));
  return (
    <SpaceBetween size="m">
      {text("companyName", "Company name")}
      {text("companyWebsite", "Company website", "https://www.example.com")}
      <FormField label="Industry" errorText={missing.industryOption}>
        <Select
          options={options}
          selectedOption={form.industryOption ? { value: form.industryOption } : null}
          placeholder="Choose an industry"
          onChange={({ detail }) => onChange({ ...form, industryOption: detail.selectedOption.value ?? "" })}
        />
      </FormField>
      {form.industryOption === other && text("otherIndustryOption", "Other industry")}
      <FormField label="Intended users">
        <RadioGroup
          items={audiences}
          value={form.intendedUsers}
          onChange={({ detail }) => onChange({ ...form, intendedUsers: detail.value })}
        />
      </FormField>
      <FormField
        label="Use cases"
        description="What the models are used for. Do not enter anything confidential."
        errorText={missing.useCases}
      >
        <Textarea
          value={form.useCases}
          rows={4}
          onChange={({ detail }) => onChange({ ...form, useCases: detail.value })}
        />
      </FormField>
    </SpaceBetween>
  );
}
