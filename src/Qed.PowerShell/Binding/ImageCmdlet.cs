using System;
using System.Collections.Generic;
using System.Management.Automation;
using Qed.PowerShell.Pipeline;

namespace Qed.PowerShell.Binding;

/// <summary>The base of every cmdlet: which images, and working on several of them at a time.</summary>
/// <remarks>
/// LiteralPath is every cmdlet's default parameter set. PowerShell tries that set first where an object has both a Path
/// and a PSPath, as this module's own results do; their Path would otherwise be taken for a wildcard pattern.
/// </remarks>
public abstract class ImageCmdlet : PSCmdlet, IDisposable
{
    /// <summary>The parameter set of <see cref="Path"/>.</summary>
    protected const string PathSet = "Path";

    /// <summary>The parameter set of <see cref="LiteralPath"/>, and the default one.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    private const string PathHelp = "Type the paths of the images, one a line; an empty line ends them.";

    private readonly HashSet<string> _given = new(StringComparer.OrdinalIgnoreCase);
    private WorkPump? _pump;

    /// <summary>The images, by path; wildcards are expanded.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, HelpMessage = PathHelp)]
    [SupportsWildcards]
    [PathText]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>The images, by path; every character means itself.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true, HelpMessage = PathHelp)]
    [Alias("PSPath", "FullName", "LP")]
    [PathText]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>What comes down the pipeline: a path, a file, a result of this module, or a row of a table whose columns are parameters.</summary>
    [Parameter(ValueFromPipeline = true, DontShow = true)]
    [AfterPath]
    public PSObject? InputObject { get; set; }

    /// <summary>How many images are worked on at a time.</summary>
    [Parameter]
    [BlankIsAbsent]
    [Bounds(1, 1024)]
    public int? ThrottleLimit { get; set; } = Environment.ProcessorCount;

    /// <summary>Gives each result as soon as it is known, not in the order of the images.</summary>
    [Parameter]
    public SwitchParameter Unordered { get; set; }

    /// <summary>Whether paths are to be created, so that wildcard characters mean themselves.</summary>
    private protected virtual bool NamesNewFiles => false;

    private RemedyWords Words => field ??= new RemedyWords(GetType());

    /// <summary>Whether nothing is to be changed, because of -WhatIf or the preference.</summary>
    private protected bool IsWhatIf => LanguagePrimitives.IsTrue(
        MyInvocation.BoundParameters.TryGetValue("WhatIf", out object? given) ? given : GetVariableValue("WhatIfPreference"));

    private protected PathResolver Resolver => field ??= new PathResolver(SessionState.Path);

    private protected BackingNameRule BackingNames => field ??= new BackingNameRule(SessionState, Resolver);

    /// <summary>Releases every file that is still open.</summary>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <inheritdoc/>
    protected sealed override void BeginProcessing()
    {
        _given.UnionWith(MyInvocation.BoundParameters.Keys);
        _pump = new WorkPump(this, ThrottleLimit ?? Environment.ProcessorCount, keepsOrder: !Unordered);
    }

    /// <inheritdoc/>
    protected sealed override void ProcessRecord() => CancelUnlessCompleted(() =>
    {
        bool isLiteral = ParameterSetName == LiteralPathSet;
        string[] paths = isLiteral ? LiteralPath : Path;
        if (!IsInputUsable(paths[0]) || (InputObject is not null && TakesInput(InputObject, paths[0])))
            return;
        foreach (string path in paths)
            ProcessPath(path, isLiteral || NamesNewFiles);
    });

    /// <inheritdoc/>
    protected sealed override void EndProcessing() => CancelUnlessCompleted(() =>
    {
        CompleteInput();
        _pump!.Drain();
    });

    /// <inheritdoc/>
    protected sealed override void StopProcessing() => _pump?.Cancel();

    /// <summary>Refuses combinations of parameters that make no sense, with <see cref="RefuseParameters"/>.</summary>
    private protected virtual void CheckParameters()
    {
    }

    /// <summary>Takes an object of the pipeline for more than the name of an image. Called on the pipeline's thread.</summary>
    /// <param name="input">The object.</param>
    /// <param name="path">The path that it names.</param>
    /// <returns>Whether nothing else is to be done with it.</returns>
    private protected virtual bool TakesInput(PSObject input, string path) => false;

    /// <summary>Starts the work on what <see cref="TakesInput"/> has kept, once no more comes.</summary>
    private protected virtual void CompleteInput()
    {
    }

    /// <summary>Asks what must be asked and starts the work on an image. Called on the pipeline's thread.</summary>
    /// <param name="path">Full path on the host.</param>
    /// <exception cref="DiskImageException">Becomes an error of this image alone.</exception>
    private protected abstract void ProcessImage(string path);

    /// <summary>Tells that an image could not be worked on. Called on any thread.</summary>
    private protected virtual void Report(WorkItem item, DiskImageException error) => item.Fail(error);

    /// <summary>Queues work on an image.</summary>
    private protected void Start(string path, Action<WorkItem> work) => _pump!.Add(new WorkItem(path, Words, work));

    /// <summary>Writes what comes of all work that was queued, and returns when there will be no more. Called on the pipeline's thread.</summary>
    private protected void AwaitWork() => _pump!.Drain();

    /// <summary>Refuses parameters that contradict each other, with the ids that PowerShell itself uses: those of a row alone, those of the command for good.</summary>
    private protected static void RefuseParameters(string errorId, string message) => throw new RefusedParametersException(errorId, message);

    /// <summary>Releases what the cmdlet holds.</summary>
    /// <param name="disposing">False from a finalizer.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            _pump?.Dispose();
    }

    /// <summary>Reads what the pipeline's object says besides its path. A row that makes no sense is an error of its own.</summary>
    private bool IsInputUsable(string path)
    {
        bool isRow = false;
        try
        {
            if (InputObject is not null && !_given.Contains(nameof(Path)) && !_given.Contains(nameof(LiteralPath)) && KnownObject.IsFolder(InputObject))
            {
                string folder = Resolver.ResolveLiteral(path);
                Start(folder, item => item.Verbose($"Skipped '{folder}': it is a folder."));
                return false;
            }

            isRow = InputObject is not null && RowColumns.Of(GetType()).Review(this, InputObject, _given);
            CheckParameters();
            return true;
        }
        catch (PSInvalidCastException error)
        {
            Refuse(new ErrorRecord(error, "ParameterArgumentTransformationError", ErrorCategory.InvalidData, path), isFatal: false);
        }
        catch (RefusedParametersException error)
        {
            Refuse(new ErrorRecord(new PSArgumentException(error.Message), error.ErrorId, ErrorCategory.InvalidArgument, isRow ? path : null), isFatal: !isRow);
        }

        return false;
    }

    private void Refuse(ErrorRecord error, bool isFatal)
    {
        if (isFatal)
            ThrowTerminatingError(error);
        Start((string)error.TargetObject, item => item.Fail(error));
    }

    private void ProcessPath(string path, bool isLiteral)
    {
        try
        {
            IEnumerable<string> files = isLiteral ? [Resolver.ResolveLiteral(path)] : Resolver.Resolve(path, MyInvocation.ExpectingInput);
            foreach (string file in files)
                ProcessFile(file);
        }
        catch (DiskImageException error)
        {
            Fail(path, error);
        }
    }

    private void ProcessFile(string file)
    {
        try
        {
            ProcessImage(file);
        }
        catch (DiskImageException error)
        {
            Fail(file, error);
        }
    }

    /// <summary>An error takes the same way as results do, and so its place among them.</summary>
    private void Fail(string path, DiskImageException error) => Start(path, item => Report(item, error));

    private void CancelUnlessCompleted(Action process)
    {
        bool isCompleted = false;
        try
        {
            process();
            isCompleted = true;
        }
        finally
        {
            if (!isCompleted)
                _pump?.Dispose();
        }
    }
}
