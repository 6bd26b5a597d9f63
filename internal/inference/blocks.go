package inference

// BlockKind is the kind of a block of an answer.
type BlockKind uint8

// The kinds.
const (
	BlockNone BlockKind = iota
	BlockText
	BlockReasoning
	BlockTool
	BlockToolOutput
	BlockImage
)

// Blocks numbers the blocks of a streamed answer, for formats that name each
// delta's block and tell when one begins and ends. Its zero value is ready for
// the first event.
type Blocks struct {
	index int // of the block under way, or of the next one
	open  BlockKind
}

// BlockStep is what one event means for the blocks: at most one ends, then at
// most one begins, then the event's own content belongs to Index.
type BlockStep struct {
	Ended    BlockKind // BlockNone when none does
	EndedAt  int
	Began    BlockKind // BlockNone when none does
	Index    int       // of the block that the event belongs to
	Complete bool      // the block that began is also over after this event
}

// Step takes the next event.
func (b *Blocks) Step(ev Event) BlockStep {
	switch ev := ev.(type) {
	case TextDelta, CitationDelta:
		return b.enter(BlockText, false)
	case ReasoningDelta:
		if ev.Redacted != nil {
			return b.whole(BlockReasoning)
		}
		return b.enter(BlockReasoning, false)
	case ToolStart:
		return b.enter(BlockTool, true)
	case ToolDelta:
		return BlockStep{Index: b.index}
	case ToolOutput:
		return b.whole(BlockToolOutput)
	case ImageBlock:
		return b.whole(BlockImage)
	case BlockEnd, Finished:
		var s BlockStep
		b.leave(&s)
		s.Index = b.index
		return s
	}
	return BlockStep{Index: b.index}
}

// Count is the number of blocks that began.
func (b *Blocks) Count() int {
	if b.open != BlockNone {
		return b.index + 1
	}
	return b.index
}

func (b *Blocks) enter(kind BlockKind, always bool) BlockStep {
	var s BlockStep
	if b.open != kind || always {
		b.leave(&s)
		b.open, s.Began = kind, kind
	}
	s.Index = b.index
	return s
}

func (b *Blocks) whole(kind BlockKind) BlockStep {
	var s BlockStep
	b.leave(&s)
	s.Began, s.Index, s.Complete = kind, b.index, true
	b.index++
	return s
}

func (b *Blocks) leave(s *BlockStep) {
	if b.open != BlockNone {
		s.Ended, s.EndedAt = b.open, b.index
		b.open = BlockNone
		b.index++
	}
}
