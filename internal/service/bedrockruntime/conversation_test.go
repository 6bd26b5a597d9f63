package bedrockruntime_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/outcrop/outcrop/internal/api/bedrockruntime"
	"github.com/outcrop/outcrop/internal/inference/mem"
	"github.com/outcrop/outcrop/internal/service/bedrockruntime"
)

const (
	claude2   = "anthropic.claude-v2:1"
	claude3   = "anthropic.claude-3-haiku-20240307-v1:0"
	novaMicro = "amazon.nova-micro-v1:0"
	titan     = "amazon.titan-text-express-v1"
)

// The first bytes of images.
const jpegHeader = "\xff\xd8\xff\xe0\x00\x10JFIF"

const wholeGIF = "GIF89a\x01\x00\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"

func gifHeader(width, height uint16) string {
	b := binary.LittleEndian.AppendUint16([]byte("GIF89a"), width)
	return string(binary.LittleEndian.AppendUint16(b, height)) + "\x00\x00\x00"
}

func image(format, data string) string {
	return fmt.Sprintf(`{"image":{"format":%q,"source":{"bytes":%q}}}`, format, base64.StdEncoding.EncodeToString([]byte(data)))
}

func doc(name, format, data string) string {
	return fmt.Sprintf(`{"document":{"name":%q,"format":%q,"source":{"bytes":%q}}}`, name, format, base64.StdEncoding.EncodeToString([]byte(data)))
}

func output(schema string) string {
	return fmt.Sprintf(`"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":%q}}}}`, schema)
}

// TestConversationRules has one case for every sentence that a conversation can
// be refused with. Converse, ConverseStream and CountTokens share the rules.
func TestConversationRules(t *testing.T) {
	t.Parallel()
	const hi = `"messages":[{"role":"user","content":[{"text":"Hi"}]}]`
	user := func(block string) string {
		return fmt.Sprintf(`{"messages":[{"role":"user","content":[%s]}]}`, block)
	}
	unsupported := func(name string) string {
		return "This model doesn't support the " + name + " content block that you provided. Update the content block and try again."
	}
	tools := func(choice string) string {
		return `"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}}]` + choice + `}`
	}
	const called = `{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"a","input":{}}},{"toolUse":{"toolUseId":"t2","name":"a","input":{}}}]}`
	const answered = `{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}},{"toolResult":{"toolUseId":"t2","content":[]}}]}`
	const noCache = "You invoked an unsupported model or your request did not allow prompt caching. See the documentation for more information."
	const claude35, strictModel = "anthropic.claude-3-5-haiku-20241022-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"
	// streamed is a rule that is another one in a stream.
	streamed := func(stream, whole string) string { return whole + "|" + stream }
	const badName = "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character. Check that the file name conforms to these restrictions and retry your request."
	for _, tc := range []struct {
		name, model, body, want string
	}{
		{"no messages", claude3, `{}`, "A conversation must start with a user message. Try again with a conversation that starts with a user message."},
		{"starts with the assistant", claude3, `{"messages":[{"role":"assistant","content":[{"text":"Hi"}]}]}`, "A conversation must start with a user message. Try again with a conversation that starts with a user message."},
		{"roles do not alternate", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"user","content":[{"text":"Hi"}]}]}`, "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again."},
		{"a system turn", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"system","content":[{"text":"Hi"}]}]}`, "This model doesn't support the system role at messages.1. Put the text into the system field and try again."},
		{"empty content", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[]}]}`, "The content field in the Message object at messages.1 is empty. Add a ContentBlock object to the content field and try again."},
		{"nothing but a cache point", claude3, user(`{"cachePoint":{"type":"default"}}`), "The content field in the Message object at messages.0 is empty. Add a ContentBlock object to the content field and try again."},
		{"empty text", claude3, user(`{"text":"Hi"},{"text":""}`), "The text field in the ContentBlock object at messages.0.content.1 is blank. Add text to the text field, and try again."},
		{"blank text", claude3, user(`{"text":" \n\t"}`), "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try again."},
		{"blank guarded text", claude3, user(`{"guardContent":{"text":{"text":" "}}}`), "The text field in the ContentBlock object at messages.0.content.0 is blank. Add text to the text field, and try again."},
		{"a block without anything", claude3, user(`{}`), "The ContentBlock object at messages.0.content.0 has no field that is known. Update the content block and try again."},
		{"an image", claude2, user(`{"text":"Hi"},{"image":{"format":"png","source":{"bytes":"AAAA"}}}`), unsupported("image")},
		{"a guarded image", claude2, user(`{"guardContent":{"image":{"format":"png","source":{"bytes":"AAAA"}}}}`), unsupported("image")},
		{"a video", claude3, user(`{"video":{"format":"mp4","source":{"bytes":"AAAA"}}}`), unsupported("video")},
		{"audio", claude3, user(`{"audio":{"format":"mp3","source":{"bytes":"AAAA"}}}`), unsupported("audio")},
		{"reasoning", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm"}}}]}]}`, unsupported("reasoningContent")},
		{"a search result", claude3, user(`{"searchResult":{"source":"s","title":"t","content":[{"text":"x"}]}}`), unsupported("searchResult")},
		{"citations", claude3, user(`{"citationsContent":{"content":[{"text":"x"}]}}`), unsupported("citationsContent")},
		{"a document", novaMicro, user(`{"text":"Hi"},{"document":{"format":"txt","name":"d","source":{"bytes":"AAAA"}}}`), "This model doesn't support documents."},
		{"tool use without tools", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"n","input":{}}}]}]}`, "The toolConfig field must be defined when using toolUse and toolResult content blocks."},
		{"a tool result without tools", claude3, user(`{"toolResult":{"toolUseId":"t1","content":[{"text":"x"}]}}`), "The toolConfig field must be defined when using toolUse and toolResult content blocks."},
		{"tools", claude2, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}}]}}`, "This model doesn't support tool use."},
		{"the same tool twice", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default"}},{"toolSpec":{"name":"a","inputSchema":{"json":{}}}}]}}`, "The tool a is already defined at toolConfig.tools.2."},
		{"a tool without a type of input", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"properties":{}}}}}]}}`, "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object."},
		{"a tool of another input", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"string"}}}}]}}`, "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the following: object."},
		{"a tool whose schema is text", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":"{}"}}}]}}`, "The format of the value at toolConfig.tools.0.toolSpec.inputSchema.json is invalid. Provide a json object for the field and try again."},
		{"a tool choice that Mistral has not", "mistral.mistral-large-2402-v1:0", `{` + hi + `,` + tools(`,"toolChoice":{"tool":{"name":"a"}}`) + `}`, streamed("This model doesn't support tool use in streaming mode.", "This model doesn't support the toolConfig.toolChoice.tool field. Remove toolConfig.toolChoice.tool and try again.")},
		{"a tool choice that Command has not", "cohere.command-r-v1:0", `{` + hi + `,` + tools(`,"toolChoice":{"any":{}}`) + `}`, "This model doesn't support the toolConfig.toolChoice.any field. Remove toolConfig.toolChoice.any and try again."},
		{"a choice of an unknown tool", claude3, `{` + hi + `,` + tools(`,"toolChoice":{"tool":{"name":"b"}}`) + `}`, "The tool b at toolConfig.toolChoice.tool.name is not defined in toolConfig.tools."},
		{"a result of nothing", claude3, `{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"x"}]}}]}],` + tools("") + `}`, "The number of toolResult blocks at messages.0.content exceeds the number of toolUse blocks of previous turn."},
		{"a result of the assistant's", claude3, `{"messages":[{"role":"user","content":[{"text":"x"}]},{"role":"assistant","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"x"}]}}]},{"role":"user","content":[{"text":"x"}]}],` + tools("") + `}`, "The number of toolResult blocks at messages.1.content exceeds the number of toolUse blocks of previous turn."},
		{"a call of the user's", claude3, `{"messages":[{"role":"user","content":[{"text":"x"},{"toolUse":{"toolUseId":"t1","name":"a","input":{}}}]}],` + tools("") + `}`, "The toolUse block at messages.0.content.1 is in a user message. Put it into a message of the assistant role and try again."},
		{"one result too many", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}},{"toolResult":{"toolUseId":"t2","content":[]}},{"toolResult":{"toolUseId":"t3","content":[]}}]}],` + tools("") + `}`, "The number of toolResult blocks at messages.2.content exceeds the number of toolUse blocks of previous turn."},
		{"no results", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"text":"Well?"}]}],` + tools("") + `}`, "Expected toolResult blocks at messages.2.content for the following Ids: t1, t2"},
		{"a result of another call", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}},{"toolResult":{"toolUseId":"t9","content":[]}}]}],` + tools("") + `}`, "Expected toolResult blocks at messages.2.content for the following Ids: t2"},
		{"the same result twice", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}},{"toolResult":{"toolUseId":"t1","content":[]}}]}],` + tools("") + `}`, "The toolResult blocks at messages.2.content contain duplicate Ids: t1"},
		{"the same call twice", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"a","input":{}}},{"toolUse":{"toolUseId":"t1","name":"a","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}}]}],` + tools("") + `}`, "The toolUse blocks at messages.1.content contain duplicate Ids: t1"},
		{"a call of before", claude3, `{"messages":[` + called + `,` + answered + `,{"role":"assistant","content":[{"text":"Hm"},{"toolUse":{"toolUseId":"t2","name":"a","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t2","content":[]}}]}],` + tools("") + `}`, "The model returned the following errors: messages.3.content.1: `tool_use` ids must be unique"},
		{"a call at the end", claude3, `{"messages":[` + called + `],` + tools("") + `}`, "The model returned the following errors: messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1, t2. Each `tool_use` block must have a corresponding `tool_result` block in the next message."},
		{"a cache point where nothing is kept", claude3, user(`{"text":"Hi"},{"cachePoint":{"type":"default"}}`), noCache},
		{"a cache point in the system where nothing is kept", "meta.llama3-1-70b-instruct-v1:0", `{` + hi + `,"system":[{"text":"Hi"},{"cachePoint":{"type":"default"}}]}`, noCache},
		{"five cache points", claude35, user(`{"text":"Hi"}` + strings.Repeat(`,{"cachePoint":{"type":"default"}}`, 5)), "The model returned the following errors: A maximum of 4 blocks with cache_control may be provided. Found 5."},
		{"five cache points, elsewhere", novaMicro, user(`{"text":"Hi"}` + strings.Repeat(`,{"cachePoint":{"type":"default"}}`, 5)), "You can't include more than 4 cache points in a request."},
		{"an hour after five minutes", claude35, `{"system":[{"text":"S"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"Hi"},{"text":"there"},{"cachePoint":{"type":"default","ttl":"1h"}}]}]}`, "The model returned the following errors: messages.0.content.1.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`."},
		{"an hour after the five minutes of tools", claude35, `{` + hi + `,"system":[{"text":"S"},{"cachePoint":{"type":"default","ttl":"1h"}}],"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default","ttl":"5m"}}]}}`, "The model returned the following errors: system.0.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. Note that blocks are processed in the following order: `tools`, `system`, `messages`."},
		{"an hour after five minutes, elsewhere", novaMicro, user(`{"text":"Hi"},{"cachePoint":{"type":"default"}},{"text":"there"},{"cachePoint":{"type":"default","ttl":"1h"}}`), "The cache point at messages.0.content.3 must not have a ttl of 1h after one of 5m. Cache points are read in the order toolConfig, system, messages."},
		{"tools that Nova shall keep", novaMicro, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default"}}]}}`, "Malformed input request: #/toolConfig/tools/1: extraneous key [cachePoint] is not permitted, please reformat your input and try again."},
		{"citations of a model that makes none", claude3, user(`{"text":"Hi"},{"document":{"format":"txt","name":"d","source":{"bytes":"AAAA"},"citations":{"enabled":true}}}`), "This model doesn't support citations."},
		{"citations of a table", claude35, user(`{"text":"Hi"},{"document":{"format":"csv","name":"d","source":{"bytes":"AAAA"},"citations":{"enabled":true}}}`), "Unsupported document format. Only txt and pdf formats are supported when citations are enabled"},
		{"citations of a result", claude35, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"document":{"format":"txt","name":"d","source":{"bytes":"AAAA"},"citations":{"enabled":true}}}]}},{"toolResult":{"toolUseId":"t2","content":[]}}]}],` + tools("") + `}`, "Citations are not supported in tool result documents."},
		{"a strict tool that is open", strictModel, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"b","inputSchema":{"json":{"type":"object"}}}},{"cachePoint":{"type":"default"}},{"toolSpec":{"name":"a","strict":true,"inputSchema":{"json":{"type":"object"}}}}]}}`, "The model returned the following errors: tools.1.custom: For 'object' type, 'additionalProperties' must be explicitly set to false"},
		{"a strict tool with a limit", strictModel, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","strict":true,"inputSchema":{"json":{"type":"object","additionalProperties":false,"properties":{"l":{"type":"array","maxItems":3}}}}}}]}}`, "The model returned the following errors: tools.0.custom: For 'array' type, property 'maxItems' is not supported"},
		{"a strict tool of a model that has none", claude3, `{` + hi + `,"toolConfig":{"tools":[{"toolSpec":{"name":"a","strict":true,"inputSchema":{"json":{"type":"object"}}}}]}}`, "The model returned the following errors: tools.0.custom.strict: Extra inputs are not permitted"},
		{"a failure that says nothing", claude3, `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[],"status":"error"}},{"toolResult":{"toolUseId":"t2","content":[]}}]}],` + tools("") + `}`, "The content field at messages.2.content.0.toolResult cannot be empty when status value is error."},
		{"a status that Command has not", "cohere.command-r-v1:0", `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[],"status":"success"}},{"toolResult":{"toolUseId":"t2","content":[]}}]}],` + tools("") + `}`, "This model doesn't support the status field. Remove status and try again."},
		{"an image in a result", "amazon.nova-micro-v1:0", `{"messages":[` + called + `,{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"image":{"format":"png","source":{"bytes":"AAAA"}}}]}},{"toolResult":{"toolUseId":"t2","content":[]}}]}],` + tools("") + `}`, unsupported("image")},
		{"a cache point behind reasoning", "anthropic.claude-sonnet-4-20250514-v1:0", `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"Hm"}}},{"cachePoint":{"type":"default"}}]}]}`, "Cache point cannot be inserted after reasoning block. Please remove the invalid cache point and try again."},
		{"more than one turn", "cohere.command-text-v14", `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"text":"Hi"}]}]}`, "This model doesn't support conversation history. Try again with a single user message."},
		{"a JPEG that is called a PNG", claude3, user(image("png", jpegHeader)), "The model returned the following errors: messages.0.content.0.image.source.bytes: The image was specified using the image/png media type, but the image appears to be a image/jpeg image"},
		{"a JPEG that is called a PNG, elsewhere", "meta.llama4-scout-17b-instruct-v1:0", user(image("png", jpegHeader)), "The model returned the following errors: The provided image does not match the specified image format."},
		{"no image", claude3, user(image("png", "hello")), "The model returned the following errors: Could not process image"},
		{"a large image", claude3, user(image("gif", gifHeader(10, 10)+strings.Repeat("x", 4_000_000))), "The model returned the following errors: messages.0.content.0.image.source.bytes: image exceeds 5 MB maximum: 5333352 bytes > 5242880 bytes"},
		{"a large image, elsewhere", "amazon.nova-lite-v1:0", user(image("gif", gifHeader(10, 10)+strings.Repeat("x", 4_000_000))), "The image at messages.0.content.0 is larger than 3.75 MB. Make the image smaller and try again."},
		{"a wide image", claude3, user(image("gif", gifHeader(8001, 10))), "The model returned the following errors: messages.0.content.0.image.source.bytes: At least one of the image dimensions exceed max allowed size: 8000 pixels"},
		{"a tall image, elsewhere", "amazon.nova-lite-v1:0", user(image("gif", gifHeader(10, 8001))), "The image at messages.0.content.0 is larger than 8000x8000 pixels. Make the image smaller and try again."},
		{"a wide WebP", claude3, user(image("webp", "RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\x40\x1f\x00\x00\x00\x00")), "The model returned the following errors: messages.0.content.0.image.source.bytes: At least one of the image dimensions exceed max allowed size: 8000 pixels"},
		{"half an image", claude3, user(image("gif", wholeGIF[:len(wholeGIF)-3])), "The model returned the following errors: Could not process image"},
		{"21 images", claude3, user(strings.Repeat(image("gif", wholeGIF)+",", 20) + image("gif", wholeGIF)), "The model returned the following errors: messages: too many images: 21 > 20"},
		{"21 images, elsewhere", "amazon.nova-lite-v1:0", user(strings.Repeat(image("gif", wholeGIF)+",", 20) + image("gif", wholeGIF)), "You can't include more than 20 images in a request."},
		{"an image in a bucket", claude3, user(`{"image":{"format":"png","source":{"s3Location":{"uri":"s3://b/k"}}}}`), "This model doesn't support the s3Uri field. Remove s3Uri and try again."},
		{"a document without text", claude3, user(doc("a", "txt", "x")), "A text block must be included when using documents. Add a text block and retry your request."},
		{"a document's name", claude3, user(`{"text":"Hi"},` + doc("a.pdf", "txt", "x")), badName},
		{"two spaces in a document's name", claude3, user(`{"text":"Hi"},` + doc("a  b", "txt", "x")), badName},
		{"the same name twice", claude3, user(`{"text":"Hi"},` + doc("a", "txt", "x") + `,` + doc("a", "txt", "y")), "Messages can't contain duplicate document names."},
		{"six documents", claude3, user(`{"text":"Hi"},` + doc("a", "txt", "x") + `,` + doc("b", "txt", "x") + `,` + doc("c", "txt", "x") + `,` + doc("d", "txt", "x") + `,` + doc("e", "txt", "x") + `,` + doc("f", "txt", "x")), "You can't include more than 5 documents in a request."},
		{"text that is called a PDF", claude3, user(`{"text":"Hi"},` + doc("a", "pdf", "x")), "The detected filetype is PLAIN_TEXT, but the provided filetype was PDF."},
		{"a PDF that is called text", claude3, user(`{"text":"Hi"},` + doc("a", "txt", "%PDF-1.7")), "The detected filetype is PDF, but the provided filetype was TXT."},
		{"an image that is called a PDF", claude3, user(`{"text":"Hi"},` + doc("a", "pdf", jpegHeader)), "Unsupported MIME type: image/jpeg. Retry your request with a supported file type: xlsx, txt, pdf, csv, md, doc, html, xls, docx"},
		{"a large document", claude3, user(`{"text":"Hi"},` + doc("a", "txt", strings.Repeat("x", 4_718_593))), "The document a is larger than 4.5 MB. Make the document smaller and try again."},
		{"a limit in the schema of the answer", "anthropic.claude-sonnet-4-5-20250929-v1:0", `{` + hi + `,` + output(`{"type":"object","additionalProperties":false,"properties":{"n":{"type":"number","minimum":0,"maximum":1}}}`) + `}`, "The model returned the following errors: output_config.format.schema: For 'number' type, properties maximum, minimum are not supported"},
		{"an open object in the schema of the answer", "anthropic.claude-sonnet-4-5-20250929-v1:0", `{` + hi + `,` + output(`{"type":"object","properties":{}}`) + `}`, "The model returned the following errors: output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"},
		{"a condition in the schema of the answer", "anthropic.claude-sonnet-4-5-20250929-v1:0", `{` + hi + `,` + output(`{"anyOf":[{"not":{}}]}`) + `}`, "The model returned the following errors: output_config.format.schema: Properties not are not supported"},
		{"a schema that is no object", "anthropic.claude-sonnet-4-5-20250929-v1:0", `{` + hi + `,` + output(`[]`) + `}`, "The format of the value at outputConfig.textFormat.structure.jsonSchema.schema is invalid. Provide a json object for the field and try again."},
		{"system where there is none", titan, `{` + hi + `,"system":[{"text":"Be brief."}]}`, "This model doesn't support system messages. Try again without a system message or use a model that supports system messages."},
		{"a blank system", claude3, `{` + hi + `,"system":[{"text":" "}]}`, "The text field in the SystemContentBlock object at system.0 is blank. Add text to the text field, and try again."},
		{"a system block without anything", claude3, `{` + hi + `,"system":[{}]}`, "The SystemContentBlock object at system.0 has no field that is known. Update the content block and try again."},
		{"a guarded image in system", claude2, `{` + hi + `,"system":[{"guardContent":{"image":{"format":"png","source":{"bytes":"AAAA"}}}}]}`, unsupported("image")},
		{"too many tokens", claude3, `{` + hi + `,"inferenceConfig":{"maxTokens":4097}}`, "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096."},
		{"guardrail", claude3, `{` + hi + `,"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1"}}`, "The guardrail identifier or version provided in the request does not exist."},
		{"output format", claude3, `{` + hi + `,"outputConfig":{"textFormat":{"type":"json_schema"}}}`, "This model doesn't support the outputConfig field. Remove outputConfig and try again."},
		{"prompt variables", claude3, `{` + hi + `,"promptVariables":{"a":{"text":"b"}}}`, "Outcrop does not resolve prompts yet. Remove promptVariables and pass the messages themselves."},
		{"unknown vendor field", claude3, `{` + hi + `,"additionalModelRequestFields":{"chat_id":1}}`, "The model returned the following errors: Malformed input request: #: extraneous key [chat_id] is not permitted, please reformat your input and try again."},
		{"vendor fields that are no object", claude3, `{` + hi + `,"additionalModelRequestFields":[1]}`, "The additionalModelRequestFields field must be a JSON object."},
		{"vendor fields of a model without a format", "acme.plain", `{` + hi + `,"additionalModelRequestFields":{"top_k":1}}`, "Model acme.plain has no native format. Call it with Converse, or give its route a model ID to be like."},
		{"two samplers where one is allowed", "anthropic.claude-sonnet-4-5-20250929-v1:0", `{` + hi + `,"inferenceConfig":{"temperature":0.5,"topP":0.5}}`, "The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one."},
		{"a response path without a slash", claude3, `{` + hi + `,"additionalModelResponseFieldPaths":["/ok","stop_sequence"]}`, "The value at additionalModelResponseFieldPaths.1 is not a valid JSON Pointer. Update the path and try again."},
		{"a response path with a wrong escape", claude3, `{` + hi + `,"additionalModelResponseFieldPaths":["/a~2b"]}`, "The value at additionalModelResponseFieldPaths.0 is not a valid JSON Pointer. Update the path and try again."},
		{"embedding model", "amazon.titan-embed-text-v2:0", `{` + hi + `}`, "This action doesn't support the model that you provided. Try again with a supported text or chat model."},
		{"prompt ARN", "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDEFGHIJ", `{` + hi + `}`, "Outcrop does not resolve prompt ARNs yet. Pass a model ID and the prompt's messages."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			svc := newService(t, scripted(t, "greeting"), bedrockruntime.Params{})
			for _, operation := range []string{"Converse", "ConverseStream"} {
				got, err := exchange(t.Context(), svc, operation, "us-east-1", tc.model, nil, tc.body)
				if err != nil {
					t.Fatal(err)
				}
				want, other, differs := strings.Cut(tc.want, "|")
				if differs && operation == "ConverseStream" {
					want = other
				}
				_, message, _ := strings.Cut(strings.TrimSpace(got), ": ")
				if !strings.HasPrefix(got, "fault ") || message != want {
					t.Errorf("%s: got %q, want %q", operation, got, want)
				}
			}
		})
	}
}

// What AWS refuses in one model and takes in another is not refused here
// without need.
func TestConversationIsLenient(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, model, body string }{
		{"the model's whole limit", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"maxTokens":4096}}`},
		{"a limit that is not known", "acme.plain", `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"maxTokens":1000000}}`},
		{"no vendor fields", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"additionalModelRequestFields":{}}`},
		{"vendor fields that are null", claude3, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"additionalModelRequestFields":null}`},
		{"four cache points, the longer ones first", "anthropic.claude-haiku-4-5-20251001-v1:0", `{"system":[{"text":"S"},{"cachePoint":{"type":"default","ttl":"1h"}}],"messages":[{"role":"user","content":[{"text":"Hi"},{"cachePoint":{"type":"default","ttl":"1h"}},{"text":"Hi"},{"cachePoint":{"type":"default"}},{"text":"Hi"},{"cachePoint":{"type":"default","ttl":"5m"}}]}]}`},
		{"a strict tool that is closed", "anthropic.claude-haiku-4-5-20251001-v1:0", `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"a","strict":true,"inputSchema":{"json":{"type":"object","properties":{"b":{"type":"string"}},"additionalProperties":false}}}}]}}`},
		{"a call of before, elsewhere", "amazon.nova-lite-v1:0", `{"messages":[{"role":"user","content":[{"text":"Hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"a","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t1","name":"a","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[]}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"a","inputSchema":{"json":{"type":"object"}}}}]}}`},
		{"an empty system list where there is none", titan, `{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"system":[]}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := exchange(t.Context(), newService(t, scripted(t, "greeting"), bedrockruntime.Params{}), "Converse", "us-east-1", tc.model, nil, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(got, "fault") {
				t.Errorf("got %q, want an answer", got)
			}
		})
	}
}

// A member that a later service model adds to both calls must not be forgotten
// in one of them.
func TestStreamedConversationIsWhole(t *testing.T) {
	t.Parallel()
	var in api.ConverseStreamInput
	from := reflect.ValueOf(&in).Elem()
	for i := range from.NumField() {
		switch f := from.Field(i); f.Kind() {
		case reflect.Pointer:
			f.Set(reflect.New(f.Type().Elem()))
		case reflect.Slice:
			f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		case reflect.Map:
			f.Set(reflect.MakeMap(f.Type()))
		default:
			t.Fatalf("%s is a %s, which this test does not fill", from.Type().Field(i).Name, f.Kind())
		}
	}
	identifier, version := "id", "1"
	in.GuardrailConfig.GuardrailIdentifier, in.GuardrailConfig.GuardrailVersion = &identifier, &version
	out := bedrockruntime.Streamed(&in)
	to := reflect.ValueOf(out).Elem()
	for i := range to.NumField() {
		name := to.Type().Field(i).Name
		if name == "GuardrailConfig" {
			continue
		}
		if diff := cmp.Diff(from.FieldByName(name).Interface(), to.Field(i).Interface()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if want := (&api.GuardrailConfiguration{GuardrailIdentifier: &identifier, GuardrailVersion: &version}); !cmp.Equal(want, out.GuardrailConfig) {
		t.Errorf("GuardrailConfig: got %v, want %v", out.GuardrailConfig, want)
	}
}

// FuzzConverse holds that no body makes the service panic, and that what is
// refused is refused as a fault of the caller's.
func FuzzConverse(f *testing.F) {
	for _, body := range []string{
		`{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}`,
		`{"messages":[{"role":"user","content":[{"cachePoint":{"type":"default"}},{"guardContent":{}},{"image":{}}]},{}],"system":[{}]}`,
		`{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"toolConfig":{"tools":[{},{"toolSpec":{}},{"systemTool":{}}]}}`,
		`{"messages":[{"role":"user","content":[{"text":"Hi"}]}],"inferenceConfig":{"maxTokens":1,"topP":0.1,"stopSequences":["t"]},"additionalModelRequestFields":{"top_k":5},"additionalModelResponseFieldPaths":["/usage","/content/0"]}`,
	} {
		f.Add(body)
	}
	svc := newService(f, newBackend(mem.Say("one two")), bedrockruntime.Params{})
	f.Fuzz(func(t *testing.T, body string) {
		for _, operation := range []string{"Converse", "ConverseStream", "CountTokens"} {
			got, err := exchange(t.Context(), svc, operation, "us-east-1", claude3, nil, body)
			if err != nil {
				return // the codec refused it
			}
			if strings.HasPrefix(got, "fault internal") {
				t.Errorf("%s: got %q", operation, got)
			}
		}
	})
}
