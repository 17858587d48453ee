# Dot-sourced by the tests of the help: reads a page of docs/cmdlets, without the tool that made it.

function Get-Section([string]$Text, [int]$Level) {
    <# The headings of one level and what stands below each, in order. #>
    $parts = [regex]::Split($Text, "(?m)^#{$Level} (?!#)(.+)$")
    for ($i = 1; $i -lt $parts.Count; $i += 2) {
        [pscustomobject]@{ Title = $parts[$i].Trim(); Text = $parts[$i + 1].Trim() }
    }
}

function Read-HelpExample([string]$Text) {
    foreach ($example in Get-Section $Text 3) {
        $code = [regex]::Matches($example.Text, '(?s)```powershell\n(.*?)\n```')
        [pscustomobject]@{
            Title = $example.Title
            Words = ($example.Text -replace '(?s)```.*?\n```').Trim()
            Codes = @($code | ForEach-Object { $_.Groups[1].Value })
        }
    }
}

function Read-HelpParameter([string]$Text) {
    foreach ($parameter in Get-Section $Text 3 | Where-Object { $_.Title.StartsWith('-') }) {
        $description, $yaml, $null = $parameter.Text -split '```yaml\n|\n```'
        [pscustomobject]@{
            Name        = $parameter.Title.Substring(1)
            Description = $description.Trim()
            Type        = if ($yaml -match '(?m)^Type: (.*)$') { $Matches[1] }
            Aliases     = @(if ($yaml -match '(?m)^Aliases:\n((?:- .*\n)+)') { $Matches[1].Trim() -replace '(?m)^- ' -split '\n' })
            Wildcards   = $yaml -match '(?m)^SupportsWildcards: true$'
            # Name, position, required, by value and by name in each set, as one line.
            Sets        = @([regex]::Matches($yaml, '(?m)^- Name: (.*)\n  Position: (.*)\n  IsRequired: (.*)\n  ValueFromPipeline: (.*)\n  ValueFromPipelineByPropertyName: (.*)$') |
                    ForEach-Object { ($_.Groups[1..5].Value -join ' ').ToLowerInvariant() } | Sort-Object)
        }
    }
}

function Read-HelpPage([string]$Path) {
    $text = (Get-Content -LiteralPath $Path -Raw).Replace("`r", '')
    $sections = @{}
    Get-Section $text 2 | ForEach-Object { $sections[$_.Title] = $_.Text }
    [pscustomobject]@{
        Text        = $text
        Name        = (Get-Section $text 1)[0].Title
        HelpUri     = if ($text -match '(?m)^HelpUri: (.*)$') { $Matches[1] }
        Synopsis    = $sections['SYNOPSIS']
        Syntax      = $sections['SYNTAX']
        Description = $sections['DESCRIPTION']
        Examples    = @(Read-HelpExample $sections['EXAMPLES'])
        Parameters  = @(Read-HelpParameter $sections['PARAMETERS'])
        Inputs      = @(Get-Section $sections['INPUTS'] 3)
        Outputs     = @(Get-Section $sections['OUTPUTS'] 3)
        Notes       = $sections['NOTES']
        Links       = @([regex]::Matches($sections['RELATED LINKS'], '\[(.+?)\]\((.+?)\)') | ForEach-Object { [pscustomobject]@{ Text = $_.Groups[1].Value; Uri = $_.Groups[2].Value } })
    }
}

function Get-Word {
    <# What a text says, whatever marks and line ends it is dressed in. #>
    param([Parameter(ValueFromPipeline)] [AllowEmptyString()] [string]$Text)
    process { ($Text -replace '\[([^\]]+)\]\([^)]+\)', '$1' -replace '\*\*|`|^---+|---+$' -replace '\s+', ' ').Trim() }
}
