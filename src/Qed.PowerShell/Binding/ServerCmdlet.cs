using System;
using System.Collections.Generic;
using System.Linq;
using System.Management.Automation;
using Qed.PowerShell.Pipeline;
using Qed.PowerShell.Serving;

namespace Qed.PowerShell.Binding;

/// <summary>The base of the cmdlets that are about servers that run: of this session, and of this user's others where they have processes of their own.</summary>
public abstract class ServerCmdlet : PSCmdlet
{
    private protected const string PathSet = "Path";
    private protected const string LiteralPathSet = "LiteralPath";

    /// <summary>Images, by path, whose servers are meant; wildcards are expanded.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PathSet, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [PathText]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>Images, by path, whose servers are meant; every character means itself.</summary>
    [Parameter(Mandatory = true, ParameterSetName = LiteralPathSet, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath", "FullName", "LP")]
    [PathText]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    private protected PathResolver Resolver => field ??= new PathResolver(SessionState.Path);

    private RemedyWords Words => field ??= new RemedyWords(GetType());

    /// <summary>All that run, those of this session first.</summary>
    private protected static IEnumerable<ImageServer> All()
    {
        IRunningServer[] own = SessionServers.All;
        return own.Concat(ProcessServer.All().Where(server => own.All(other => other.Description.Address != server.Description.Address)))
            .OrderBy(server => server.Description.StartTime)
            .Select(server => new ImageServer(server));
    }

    /// <summary>Those that serve an image. None is an error of that path alone.</summary>
    /// <param name="path">A path or a pattern, or what an object has that names an image.</param>
    /// <param name="isLiteral">Whether every character means itself.</param>
    private ImageServer[] Serving(string path, bool isLiteral)
    {
        bool isPattern = !isLiteral && WildcardPattern.ContainsWildcardCharacters(path);
        ImageServer[] found;
        try
        {
            found = !isPattern || path.StartsWith(ProviderPath.Prefix, StringComparison.OrdinalIgnoreCase)
                ? Serving([PathResolver.FullPath(Resolver.ResolveLiteral(path))])
                : Serving(Resolver.Resolve(path, MyInvocation.ExpectingInput).Select(PathResolver.FullPath).ToArray());
        }
        catch (DiskImageException error)
        {
            WriteError(ErrorRecords.From(error, path, Words));
            return [];
        }

        if (found.Length == 0 && !isPattern)
            WriteError(ErrorRecords.From(new DiskImageException(ErrorKind.ImageNotFound, "no server of yours offers this image", path), path, Words));
        return found;
    }

    /// <summary>Those that serve the images of the one or the other of these parameters.</summary>
    private protected IEnumerable<ImageServer> ServingPaths()
    {
        bool isLiteral = ParameterSetName == LiteralPathSet;
        return (isLiteral ? LiteralPath : Path).SelectMany(path => Serving(path, isLiteral));
    }

    private protected void WriteFailure(DiskImageException error, object target) => WriteError(ErrorRecords.From(error, target, Words));

    private static ImageServer[] Serving(string[] files)
        => All().Where(server => server.Exports.Any(export => files.Contains(export.Path, TargetNames.PathComparer))).ToArray();
}
