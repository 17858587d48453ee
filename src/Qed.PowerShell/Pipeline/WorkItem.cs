using System;
using System.Collections.Generic;
using System.Management.Automation;
using System.Threading;
using Qed.Operations;

namespace Qed.PowerShell.Pipeline;

/// <summary>The work on one image, and its way to the pipeline: all that it has to say goes through here, from any thread.</summary>
internal sealed class WorkItem
{
    private readonly Action<WorkItem> _work;
    private readonly RemedyWords _words;
    private WorkPump _pump = null!;
    private ItemProgress? _progress;

    /// <param name="target">The image's path, named in errors and progress.</param>
    /// <param name="words">What the running cmdlet calls remedies.</param>
    /// <param name="work">Runs on a worker; what it throws becomes an error of this item alone.</param>
    internal WorkItem(string target, RemedyWords words, Action<WorkItem> work)
    {
        _words = words;
        Target = target;
        _work = work;
    }

    internal string Target { get; }

    /// <summary>Cancelled when the pipeline stops.</summary>
    internal CancellationToken Cancellation { get; private set; }

    /// <summary>Where the engine reports how far it is.</summary>
    internal IProgress<OperationProgress> Progress => _progress!;

    /// <summary>The engine's log, shown by -Debug, -Verbose and as warnings.</summary>
    internal CallbackLogger Logger => new(Tell);

    /// <summary>Whether it has its place among those that write; guarded by the pump.</summary>
    internal bool IsInLine { get; set; }

    /// <summary>Results that wait until the items before it have written all of their own; guarded by the pump.</summary>
    internal Queue<Action<Cmdlet>> Held { get; } = new();

    /// <summary>Whether no more results will come; guarded by the pump.</summary>
    internal bool IsComplete { get; set; }

    internal void Emit(object result) => _pump.Post(this, cmdlet => cmdlet.WriteObject(result));

    /// <summary>Tells, under -WhatIf, what would be done to the image.</summary>
    internal void SayWhatIf(string action) => _pump.Post(this, cmdlet => cmdlet.ShouldProcess(Target, action));

    internal void Fail(Exception error) => Fail(ErrorRecords.From(error, Target, _words));

    internal void Fail(ErrorRecord error) => _pump.Post(this, cmdlet => cmdlet.WriteError(error));

    internal void Verbose(string text) => Tell(DiagnosticLevel.Information, text);

    /// <summary>Tells of an error that is none to the pipeline.</summary>
    internal void Verbose(DiskImageException error) => Verbose(TextOf(error));

    /// <summary>An error in the words of the running cmdlet.</summary>
    internal string TextOf(DiskImageException error) => error.WithWords(_words.Of).Message;

    /// <summary>Does the work. Never throws.</summary>
    internal void Run(WorkPump pump, ItemProgress progress, CancellationToken cancellation)
    {
        _pump = pump;
        _progress = progress;
        Cancellation = cancellation;
        progress.Begin(Target);
        try
        {
            _work(this);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // The pipeline is gone; there is nobody left to tell.
        }
        catch (Exception error)
        {
            Fail(error);
        }
        finally
        {
            progress.Complete();
        }
    }

    /// <summary>Says what a log says.</summary>
    internal void Tell(DiagnosticLevel level, string text) => _pump.Post(level switch
    {
        DiagnosticLevel.Debug => cmdlet => cmdlet.WriteDebug(text),
        DiagnosticLevel.Information => cmdlet => WriteDetail((PSCmdlet)cmdlet, text),
        _ => cmdlet => cmdlet.WriteWarning(text),
    });

    /// <summary>With -Debug alone PowerShell asks at every verbose text whether to go on; the log is shown, not asked about.</summary>
    private static void WriteDetail(PSCmdlet cmdlet, string text)
    {
        Dictionary<string, object> given = cmdlet.MyInvocation.BoundParameters;
        if (!given.ContainsKey("Verbose") && given.TryGetValue("Debug", out object? debug) && LanguagePrimitives.IsTrue(debug))
            cmdlet.WriteDebug(text);
        else
            cmdlet.WriteVerbose(text);
    }
}
