# Runs the test files that are named through a pipe, one after the other, as half of the time that a file takes by itself is
# PowerShell's warming up. Children of the tests have the standard streams, so these carry no names.
param(
    [Parameter(Mandatory)] [string]$PipeName,
    [Parameter(Mandatory)] [string]$Pester
)

$pipe = [IO.Pipes.NamedPipeClientStream]::new('.', $PipeName, [IO.Pipes.PipeDirection]::InOut)
$pipe.Connect()
$names = [IO.StreamReader]::new($pipe)
$answers = [IO.StreamWriter]::new($pipe)
$answers.AutoFlush = $true
while ($request = $names.ReadLine()) {
    $path, $resultPath = $request -split '\|'
    & "$PSScriptRoot/Run.ps1" -Path $path -Pester $Pester -ResultPath $resultPath
    $answers.WriteLine($path)
}
