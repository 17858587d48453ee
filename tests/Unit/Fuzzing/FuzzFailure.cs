using System;

namespace Qed.Tests.Fuzzing;

/// <summary>A promise that did not hold for a file that somebody else has made.</summary>
/// <param name="promise">What should have been.</param>
/// <param name="cause">The error that shows it, if it was one.</param>
internal sealed class FuzzFailure(string promise, Exception? cause = null) : Exception(promise, cause);
