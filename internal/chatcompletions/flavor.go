package chatcompletions

// Flavor says what a server makes differently from the others. Its zero value
// is what every one of them understands.
type Flavor struct{}
