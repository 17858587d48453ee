using System;

namespace Qed.Tests.Soak;

/// <summary>Something that must hold did not.</summary>
/// <param name="promise">What it is.</param>
internal sealed class PromiseException(string promise) : Exception("not so: " + promise);
