# cmake -DINPUT=FILE -DOUTPUT=HEADER -DNAME=kName -P embed_text.cmake: a text file as a C++ constant.
file(READ ${INPUT} text)
file(WRITE ${OUTPUT} "// Made from a file of schemas/ by the build.\n#pragma once\nnamespace tape {\ninline constexpr const char* ${NAME} = R\"__(${text})__\";\n}  // namespace tape\n")
