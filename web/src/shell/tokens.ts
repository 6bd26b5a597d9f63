import * as tokens from "@cloudscape-design/design-tokens";

/** The design tokens that the style sheets of this folder use, by the names that they have there. */
const used = {
  "--code-background": tokens.colorBackgroundCodeView,
  "--container-background": tokens.colorBackgroundContainerContent,
  "--page-background": tokens.colorBackgroundLayoutMain,
  "--divider": tokens.colorBorderDividerDefault,
  "--text": tokens.colorTextBodyDefault,
  "--text-secondary": tokens.colorTextBodySecondary,
  "--link": tokens.colorTextLinkDefault,
  "--error": tokens.colorTextStatusError,
  "--success": tokens.colorTextStatusSuccess,
  "--font": tokens.fontFamilyBase,
  "--monospace": tokens.fontFamilyMonospace,
  "--space-xs": tokens.spaceScaledXs,
  "--space-s": tokens.spaceScaledS,
  "--space-m": tokens.spaceScaledM,
};

/** Lets style sheets use them. They are the body's, because that is what the classes of modes are set on. */
export function provideTokens(element: HTMLElement): void {
  for (const [name, value] of Object.entries(used)) element.style.setProperty(name, value);
}
