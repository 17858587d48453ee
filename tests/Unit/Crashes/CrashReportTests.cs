using System;
using System.IO;
using System.Linq;
using Qed.Tests.Support;
using Xunit;

namespace Qed.Tests.Crashes;

/// <summary>What is kept of a crash that went wrong is all that is needed to understand it.</summary>
public sealed class CrashReportTests
{
    [Fact]
    public void A_report_has_requests_and_changes_in_their_order_and_the_files_before_them_and_after_the_crash()
    {
        var subject = new CrashSubject(new CrashBed(hasBacking: false, onDevice: true, 1, acrossTables: false));
        byte[] before = subject.Files[0].ToArray();
        subject.RequestAtOnce(count: 2, requests: 3, unit: 512, seed: 7);
        subject.Request(CrashOperation.Overwrite, 0, 1024, 0xab);
        int overwrite = subject.Log.Count - 1;
        subject.Kill();
        MemoryStorage[] state = subject.Log.CrashAt(subject.Log.Count, new Random(1));
        var error = new InvalidOperationException("what has failed");
        CrashException thrown = CrashReport.Of(subject.Log, "what is wrong", state, error);
        string folder = thrown.Message.Split("see ")[1].TrimEnd(')');
        try
        {
            string[] log = File.ReadAllLines(Path.Combine(folder, "log.txt"));
            int change = Array.FindIndex(log, line => line.TrimStart().StartsWith($"{overwrite} ", StringComparison.Ordinal));
            Assert.EndsWith("guest: Overwrite 0+1024: ab begins", log[change - 1], StringComparison.Ordinal);
            Assert.EndsWith("+1024: 1024 x ab", log[change], StringComparison.Ordinal);
            Assert.EndsWith("guest: Overwrite 0+1024 has ended", log[change + 1], StringComparison.Ordinal);
            Assert.EndsWith("killed", log[^1], StringComparison.Ordinal);
            // The six of the two guests, too.
            Assert.Equal(7, log.Count(line => line.Contains("begins", StringComparison.Ordinal)));
            Assert.Equal(before, File.ReadAllBytes(Path.Combine(folder, "first-0.img")));
            Assert.Equal(state[0].ToArray(), File.ReadAllBytes(Path.Combine(folder, "crashed-0.img")));
            Assert.Contains("what has failed", File.ReadAllText(Path.Combine(folder, "wrong.txt")), StringComparison.Ordinal);
            Assert.Same(error, thrown.InnerException);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void What_is_said_of_a_byte_that_is_impossible_is_all_that_it_may_have_been()
    {
        var history = new FlushHistory([1, 1, 1, 1]);
        history.Begin(5);
        history.Write(1, 2, 2);
        history.Flush(8);
        history.Begin(9);
        history.Write(2, 2, 3);
        Assert.Equal(2, history.FirstImpossible([1, 2, 1, 1], crash: 8));
        Assert.Equal("01 at first; 02 from change 5 on, flushed before change 8; 03 from change 9 on", history.Explain(2));
    }
}
