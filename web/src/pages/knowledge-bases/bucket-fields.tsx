import Box from "@cloudscape-design/components/box";
import FormField from "@cloudscape-design/components/form-field";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Autosuggest from "@cloudscape-design/components/autosuggest";
import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { s3, useClient, useRegion, type ServiceError } from "@/client";
import { bytes, count, Failed } from "@/components";
import { asPrefix, visible } from "./files";

/** The choice of a bucket that is there, and of a folder in it. */
export function BucketFields({
  buckets,
  bucket,
  prefix,
  problem,
  onChange,
}: {
  buckets: UseQueryResult<string[], ServiceError>;
  bucket: string;
  prefix: string;
  problem?: string | undefined;
  onChange: (bucket: string, prefix: string) => void;
}) {
  const client = useClient();
  const region = useRegion();
  // What lies below the last slash that was typed is what can be gone to.
  const folder = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const listing = useQuery<s3.S3Listing, ServiceError>({
    queryKey: ["s3", "listing", region, bucket, folder],
    queryFn: ({ signal }) => s3.listObjects(client, bucket, { prefix: folder, signal }),
    enabled: bucket !== "",
  });
  const inside = useQuery<s3.S3Listing, ServiceError>({
    queryKey: ["s3", "inside", region, bucket, asPrefix(prefix)],
    queryFn: ({ signal }) => s3.listObjects(client, bucket, { prefix: asPrefix(prefix), folded: false, signal }),
    enabled: bucket !== "",
  });
  if (buckets.error) return <Failed what="list buckets" error={buckets.error} retry={() => void buckets.refetch()} />;
  const options = (buckets.data ?? []).map((value) => ({ value, label: value }));
  return (
    <SpaceBetween size="s">
      <FormField label="Bucket" errorText={problem}>
        <Select
          selectedOption={bucket === "" ? null : { value: bucket, label: bucket }}
          options={options}
          placeholder="Choose a bucket"
          filteringType={options.length > 8 ? "auto" : "none"}
          statusType={buckets.isPending ? "loading" : "finished"}
          loadingText="Loading buckets"
          empty="There is no bucket on this server. Upload files instead, or make one with: aws s3 mb s3://NAME"
          onChange={({ detail }) => onChange(detail.selectedOption.value ?? "", "")}
        />
      </FormField>
      {bucket !== "" && (
        <FormField label="Folder" description="Optional. Only files whose names begin so are read.">
          <Autosuggest
            value={prefix}
            placeholder="All of the bucket"
            options={(listing.data?.folders ?? []).map((value) => ({ value, label: visible(value) }))}
            onChange={({ detail }) => onChange(bucket, detail.value)}
            enteredTextLabel={(text) => `Use "${text}"`}
            empty="No folders here"
            ariaLabel="Folder of the bucket"
          />
        </FormField>
      )}
      {bucket !== "" && inside.error && <Failed what="look into the bucket" error={inside.error} />}
      {bucket !== "" && inside.data && (
        <Box color="text-body-secondary">
          {inside.data.objects.length === 0
            ? "There are no files there yet."
            : `${inside.data.next ? "More than " : ""}${count(inside.data.objects.length)} files, ${bytes(
                inside.data.objects.reduce((sum, o) => sum + o.size, 0),
              )}`}
        </Box>
      )}
    </SpaceBetween>
  );
}
