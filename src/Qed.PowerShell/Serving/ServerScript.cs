using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Management.Automation.Language;
using System.Text;
using Qed.Server;

namespace Qed.PowerShell.Serving;

/// <summary>Words a request as the script of another process, whose command line shows it to whoever may look.</summary>
internal static class ServerScript
{
    /// <summary>The script that serves what is asked for until it is stopped. It says a word once clients can come.</summary>
    internal static string Of(ServerRequest request)
    {
        var script = new StringBuilder();
        script.Append("$ErrorActionPreference = 'Stop'; Import-Module -Name ").Append(Quoted(typeof(ServerScript).Assembly.Location)).Append("; ");
        script.Append("@(").Append(string.Join(", ", Rows(request.Exports).Select(Quoted))).Append(") | ConvertFrom-Csv | Start-QedServer -Wait");
        NbdServerOptions options = request.Options;
        if (options.Address.Path is { } path)
            Add(script, "SocketPath", path);
        else
            Add(script, "Address", options.Address.Host!.ToString()).Append(" -Port ").Append(options.Address.Port.ToString(CultureInfo.InvariantCulture));
        script.Append(" -MaximumClients ").Append(options.MaximumClients.ToString(CultureInfo.InvariantCulture));
        if (options.Tls is NbdCertificates tls)
        {
            Add(script, "CertificatePath", tls.CertificateFolder);
            AddSwitch(script, "RequireClientCertificate", tls.VerifiesClients);
        }

        NbdExportOptions first = request.Exports[0];
        AddSwitch(script, "ReadOnly", first.IsReadOnly);
        AddSwitch(script, "Snapshot", first.IsSnapshot);
        AddSwitch(script, "DetectZeroes", first.DetectZeroes);
        AddSwitch(script, "Stream", first.IsStreamed);
        if (first.StreamedBytesPerSecond is { } rate)
            script.Append(" -MaximumBytesPerSecond ").Append(rate.ToString(CultureInfo.InvariantCulture));
        return script.Append(" | ForEach-Object Address").ToString();
    }

    /// <summary>What each image has of its own.</summary>
    private static IEnumerable<string> Rows(IEnumerable<NbdExportOptions> exports)
    {
        yield return "LiteralPath,SourceFormat,OverlayPath,ExportName,Description";
        foreach (NbdExportOptions export in exports)
            yield return string.Join(",", new[] { export.Path, export.SourceFormat, export.OverlayPath, export.Name, export.Description }.Select(Cell));
    }

    private static string Cell(string? text) => "\"" + (text ?? string.Empty).Replace("\"", "\"\"") + "\"";

    private static StringBuilder Add(StringBuilder script, string parameter, string value) => script.Append(" -").Append(parameter).Append(' ').Append(Quoted(value));

    private static void AddSwitch(StringBuilder script, string parameter, bool isGiven)
    {
        if (isGiven)
            script.Append(" -").Append(parameter);
    }

    private static string Quoted(string text) => "'" + CodeGeneration.EscapeSingleQuotedStringContent(text) + "'";
}
