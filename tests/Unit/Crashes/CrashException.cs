using System;

namespace Qed.Tests.Crashes;

/// <summary>A crash has left something that it must not leave.</summary>
internal sealed class CrashException(string message, Exception? inner = null) : Exception(message, inner);
