using System;
using System.Globalization;
using System.IO;

namespace Qed.Tool.Output;

/// <summary>Progress in qemu-img's form, a line that is written over and over.</summary>
internal sealed class ProgressLine : IProgress<OperationProgress>
{
    private readonly TextWriter _output;

    internal ProgressLine(TextWriter output)
    {
        _output = output;
        Write(0);
    }

    /// <inheritdoc/>
    public void Report(OperationProgress value)
    {
        if (value.Total > 0)
            Write(Math.Min(100, 100.0 * value.Done / value.Total));
    }

    internal void Complete() => Write(100);

    internal void End() => _output.WriteLine();

    private void Write(double percentage) => _output.Write(string.Create(CultureInfo.InvariantCulture, $"    ({percentage:F2}/100%)\r"));
}
