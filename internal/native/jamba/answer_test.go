package jamba_test

import (
	"testing"

	"github.com/outcrop/outcrop/internal/chatcompletions"
	"github.com/outcrop/outcrop/internal/inference"
	"github.com/outcrop/outcrop/internal/native/jamba"
	"github.com/outcrop/outcrop/internal/native/nativetest"
)

// chatForm reads with the decoder of the backends.
func chatForm() nativetest.AnswerForm {
	return nativetest.ChatForm(chatcompletions.DecodeAnswer, func(emit func(inference.Event) error) nativetest.Decoder { return chatcompletions.NewDecoder(emit) })
}

func TestAnswersRoundTrip(t *testing.T) {
	t.Parallel()
	nativetest.RoundTripAnswers(t, jamba.Family{}, model(), chatForm())
}
